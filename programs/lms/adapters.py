"""How a signature becomes messages: natural text for small models, JSON or DSPy's chat form for the others."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal, cast, get_args, get_origin

import dspy
from dspy.adapters.utils import parse_value
from pydantic import TypeAdapter, ValidationError

from seedless.given import check_choice
from seedless.lms.grammar import grammar_of_document, grammar_of_form, grammar_of_list
from seedless.lms.metered import TokenLimitReached
from seedless.lms.reading import chooses, lines_of, read, unreadable, unwrapped
from seedless.task import fill, places
from seedless.text import says

__all__ = ["ADAPTERS", "PlainAdapter", "adapter_of", "field_title"]

Signature = type[dspy.Signature]
Messages = list[dict[str, Any]]

ENDED = '.!?"'  # behind these no full stop is put


def _said(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple):
        return " ".join(str(item).strip() for item in value)
    return str(value)


def _filled(signature: Signature, inputs: Mapping[str, Any]) -> Signature:
    if not list(places(signature.instructions)):
        return signature
    instructions = fill(signature.instructions, {name: _said(inputs[name]) for name in signature.input_fields if name in inputs})
    if instructions == signature.instructions:
        return signature  # a new one costs more than all the rest of a call
    return cast("Signature", signature.with_instructions(instructions))


@lru_cache(maxsize=256)  # to make a signature anew for each prompt takes milliseconds
def _choices_once(signature: Signature) -> Signature:
    """The signature for the description of its form: what an output of a closed set is chosen from is said where the answer is asked for."""
    for name, field in signature.output_fields.items():
        if get_origin(field.annotation) is Literal:
            signature = signature.with_updated_fields(name, type_=str)
    return signature


class _Placed(dspy.Adapter):
    """Over one of DSPy's adapters: places in the instruction are filled from the inputs, a closed set is listed once, and an answer is read as it was meant."""

    def format(self, signature: Signature, demos: list[dict[str, Any]], inputs: dict[str, Any]) -> Messages:
        return cast("Messages", super().format(_filled(signature, inputs), demos, inputs))

    def format_field_description(self, signature: Signature) -> str:
        return str(super().format_field_description(_choices_once(signature)))  # type: ignore[arg-type]  # a class has a hash; mypy looks for its instances'

    def format_field_structure(self, signature: Signature) -> str:
        return str(super().format_field_structure(_choices_once(signature)))  # type: ignore[arg-type]  # likewise

    def parse(self, signature: Signature, completion: str) -> dict[str, Any]:
        return read(signature, completion, super().parse)


class _JSONAdapter(_Placed, dspy.JSONAdapter):
    """DSPy's JSON form."""


class _ChatAdapter(_Placed, dspy.ChatAdapter):
    """DSPy's chat form, without its silent second call."""

    def __init__(self) -> None:
        super().__init__(use_json_adapter_fallback=False)


class PlainAdapter(dspy.Adapter):
    """Renders a signature as a few natural sentences in one user message: what a small model can follow.

    The instruction comes first, its places filled in. Inputs that the text does not say yet follow, each as its description
    and its value; empty ones are left out. Where a label is asked for, what is to be judged is said in any case. One text
    output is answered with plain text, a list with a line for each item, anything else with a JSON object under the decoder's
    schema. One output of a closed set is put as a question whose answer is begun for the LM (`The label is "`) where the LM can weigh
    `choices`: the likeliest is the output, and `weights` tells how likely each is. An input called `opening` becomes the answer's first words where the LM can be given them. `form` (config of a
    call: field name to `sentence`, `question` or `text`) becomes a grammar where the LM takes one, `sentences` bounds a text
    in it; without `form` a text is free. A list is one of short phrases, or of what `items` says (arguments of `grammar_of_list`).

    With `document` (config of a call), an LM that can goes on with the instruction as with a text, to the quotation mark that closes
    the instruction's last one, and with a line for each further text output ('Hypothesis: "..."'); inputs that the instruction does not
    say are put before its last paragraph. There `least` (field name to number) is how many words each text has at least, `unlike` with
    what letters none begins, and `starts` (field name to words) with which words a text without an opening does.
    """

    def __call__(self, lm: dspy.BaseLM, lm_kwargs: dict[str, Any], signature: Signature, demos: Any, inputs: dict[str, Any]) -> Any:
        kwargs, opening = self._constrained(lm, lm_kwargs, signature, inputs)
        with _opening_kept(opening, kwargs):
            outputs = lm(messages=self._told(signature, demos, inputs, opening, kwargs), **kwargs)
        return self._parsed(signature, outputs, opening, kwargs)

    async def acall(
        self, lm: dspy.BaseLM, lm_kwargs: dict[str, Any], signature: Signature, demos: Any, inputs: dict[str, Any]
    ) -> Any:
        kwargs, opening = self._constrained(lm, lm_kwargs, signature, inputs)
        with _opening_kept(opening, kwargs):
            outputs = await lm.acall(messages=self._told(signature, demos, inputs, opening, kwargs), **kwargs)
        return self._parsed(signature, outputs, opening, kwargs)

    def format(self, signature: Signature, demos: list[dict[str, Any]], inputs: dict[str, Any]) -> Messages:
        """The messages, with the opening asked for in words."""
        return self._messages(signature, demos, inputs, prefill="")

    def parse(self, signature: Signature, completion: str) -> dict[str, Any]:
        """The outputs that `completion` holds.

        Raises
        ------
        dspy.AdapterParseError
            If an output is missing, empty, or not of its type.
        """
        plainly = unwrapped if _one_text(signature) else lines_of if _one_list(signature) else None
        return read(signature, completion, lambda asked, text: self._parse(asked, text, plainly))

    def _constrained(
        self, lm: dspy.BaseLM, lm_kwargs: dict[str, Any], signature: Signature, inputs: dict[str, Any]
    ) -> tuple[dict[str, Any], str]:
        kwargs = dict(lm_kwargs)
        form: Mapping[str, str] | None = kwargs.pop("form", None)
        sentences = int(kwargs.pop("sentences", 3))
        least: Mapping[str, int] = kwargs.pop("least", {})
        unlike: Sequence[str] = kwargs.pop("unlike", ())
        starts: Mapping[str, Sequence[str]] = kwargs.pop("starts", {})
        items: Mapping[str, Any] = kwargs.pop("items", {})
        takes = lm.supported_params
        texts = all(field.annotation is str for field in signature.output_fields.values())
        document = bool(kwargs.pop("document", False)) and {"document", "grammar"} <= takes and texts
        opening = str(inputs.get("opening") or "") if "prefill" in takes and len(signature.output_fields) == 1 else ""
        ((name, field), *others) = signature.output_fields.items()
        if document:
            kwargs["grammar"] = grammar_of_document(
                {field_title(output): (form or {}).get(output, "") for output in signature.output_fields},
                sentences=sentences,
                least={field_title(output): words for output, words in least.items()},
                opening=opening,
                unlike=unlike,
                starts={field_title(output): words for output, words in starts.items()},
            )
        elif _one_choice(signature) and {"choices", "prefill"} <= takes:
            kwargs["choices"] = list(get_args(field.annotation))
            opening = f'The {name.replace("_", " ")} is "'
        elif others or get_origin(field.annotation) is Literal:
            if "response_format" in takes:
                schema = {"name": "answer", "schema": _schema(signature), "strict": True}
                kwargs["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif "grammar" in takes:
            if field.annotation == list[str]:
                kwargs["grammar"] = grammar_of_list(int(inputs.get("count", 10)), **items)
            elif form is not None:
                kwargs["grammar"] = grammar_of_form(form.get(name, "text"), opening, sentences=sentences)
        return {**kwargs, "document": True} if document else kwargs, opening

    def _told(
        self, signature: Signature, demos: list[dict[str, Any]], inputs: Mapping[str, Any], opening: str, kwargs: Mapping[str, Any]
    ) -> Messages:
        if "document" not in kwargs:
            return self._messages(signature, demos, inputs, prefill=opening)
        shown = [f'{self._document(signature, demo)}{_quoted(signature, demo)}"' for demo in demos]
        return [{"role": "user", "content": "\n\n".join([*shown, self._document(signature, inputs)])}]

    def _document(self, signature: Signature, inputs: Mapping[str, Any]) -> str:
        """The instruction as the beginning of a text; inputs that it does not say yet come before its last paragraph."""
        text = _filled(signature, {name: inputs.get(name, "") for name in signature.input_fields}).instructions
        before, gap, last = text.rpartition("\n\n")
        return "".join([" ".join([before, *self._unsaid(signature, inputs, text)]).strip(), gap, last])

    def _messages(self, signature: Signature, demos: list[dict[str, Any]], inputs: Mapping[str, Any], *, prefill: str) -> Messages:
        messages: Messages = []
        for demo in demos:
            messages.append({"role": "user", "content": self._asked(signature, demo, prefill="")})
            messages.append({"role": "assistant", "content": self._answered(signature, demo)})
        messages.append({"role": "user", "content": self._asked(signature, inputs, prefill=prefill)})
        if prefill:
            messages.append({"role": "assistant", "content": prefill})
        return messages

    def _asked(self, signature: Signature, inputs: Mapping[str, Any], *, prefill: str) -> str:
        instructions = _said(_filled(signature, inputs).instructions)
        parts = [instructions, *self._unsaid(signature, {**inputs, "opening": ""} if prefill else inputs, instructions)]
        if _one_text(signature):
            return " ".join(parts)
        gap = "\n\n" if "\n" in instructions else " "
        if prefill and _one_choice(signature):
            return gap.join([*parts, f"Which {next(iter(signature.output_fields)).replace('_', ' ')} is right?"])
        keys = ", ".join(
            f'"{name}" ({(field.json_schema_extra or {}).get("desc") or name})' for name, field in signature.output_fields.items()
        )
        if _one_list(signature):
            return " ".join([*parts, "One per line."])
        return gap.join([*parts, f"Answer with a JSON object with the keys {keys}."])

    def _unsaid(self, signature: Signature, inputs: Mapping[str, Any], text: str) -> list[str]:
        """A sentence for each input that has no place in the instruction and that `text` does not say yet."""
        parts: list[str] = []
        placed = set(places(signature.instructions))
        judges = chooses(signature)
        for name, field in signature.input_fields.items():
            value = _said(inputs.get(name, ""))
            if not value or name in placed or (not judges and says(" ".join([text, *parts]), value)):
                continue
            described = (field.json_schema_extra or {}).get("desc") or name
            parts.append(f"{described} {value}" if value[-1] in ENDED else f"{described} {value}.")
        return parts

    def _answered(self, signature: Signature, demo: Mapping[str, Any]) -> str:
        values = {name: demo[name] for name in signature.output_fields if name in demo}
        if _one_text(signature):
            return _said(next(iter(values.values())))
        if _one_list(signature):
            return "\n".join(f"{i}. {item}" for i, item in enumerate(next(iter(values.values())), 1))
        return json.dumps(values, ensure_ascii=False)

    def _parsed(self, signature: Signature, outputs: list[Any], opening: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        texts = [output if isinstance(output, str) else str((output or {}).get("text") or "") for output in outputs]
        if "choices" in asked:
            weights = [json.loads(text) for text in texts]
            return [{next(iter(signature.output_fields)): max(each, key=each.get), "weights": each} for each in weights]
        whole = [_opened(text, opening, asked) for text in texts]
        return [self.parse(signature, _unquoted(signature, text) if "document" in asked else text) for text in whole]

    def _parse(self, signature: Signature, completion: str, plainly: Callable[[str], Any] | None) -> dict[str, Any]:
        (name, *others) = signature.output_fields
        if plainly is not None:
            return {name: plainly(completion)}
        start, end = completion.find("{"), completion.rfind("}")
        try:
            found = json.loads(completion[start : end + 1])
            return {key: parse_value(found.get(key), field.annotation) for key, field in signature.output_fields.items()}
        except (ValueError, AttributeError, TypeError, ValidationError) as error:
            if start < 0 and not others:  # a label, said without the JSON that was asked for
                return {name: unwrapped(completion)}
            raise unreadable(signature, completion, "the answer is not the JSON object that was asked for") from error


def _one_text(signature: Signature) -> bool:
    fields = list(signature.output_fields.values())
    return len(fields) == 1 and fields[0].annotation is str


def field_title(name: str) -> str:
    """How a field is called at the beginning of its line in a document.

    >>> field_title("first_choice")
    'First choice'
    """
    return name.replace("_", " ").capitalize()


def _opened(text: str, opening: str, asked: Mapping[str, Any]) -> str:
    """What was said, with its first words: a document's quotation was opened with them, an answer in a chat may repeat them."""
    return text if "document" not in asked and text.startswith(opening) else opening + text


@contextmanager
def _opening_kept(opening: str, asked: Mapping[str, Any]) -> Iterator[None]:
    """Give an answer that is cut its first words, as one that is not."""
    try:
        yield
    except TokenLimitReached as cut:
        raise TokenLimitReached(_opened(cut.text, opening, asked)) from None


def _quoted(signature: Signature, values: Mapping[str, Any]) -> str:
    """The outputs as a document goes on with them, up to the last quotation mark."""
    first, *others = signature.output_fields
    return "".join(
        [_said(values[first]), *(f'"\n{field_title(name)}: "{_said(values[name])}' for name in others if name in values)]
    )


def _unquoted(signature: Signature, text: str) -> str:
    """The completion that `parse` reads, of what a document went on with: one text as it is, several as a JSON object."""
    if _one_text(signature):
        return text.removesuffix('"')
    titles = {field_title(name): name for name in signature.output_fields}
    lines = f'{next(iter(titles))}: "{text}'.splitlines()
    said = dict(line.split(': "', 1) for line in lines if ': "' in line)
    return json.dumps({titles[title]: value.removesuffix('"') for title, value in said.items() if title in titles})


def _one_choice(signature: Signature) -> bool:
    fields = list(signature.output_fields.values())
    return len(fields) == 1 and get_origin(fields[0].annotation) is Literal


def _one_list(signature: Signature) -> bool:
    fields = list(signature.output_fields.values())
    return len(fields) == 1 and fields[0].annotation == list[str]


def _schema(signature: Signature) -> dict[str, Any]:
    properties = {name: TypeAdapter(field.annotation).json_schema() for name, field in signature.output_fields.items()}
    for schema in properties.values():
        if schema.get("type") == "string" and "enum" not in schema and "const" not in schema:
            schema["minLength"] = 1
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


ADAPTERS: dict[str, type[dspy.Adapter]] = {"plain": PlainAdapter, "json": _JSONAdapter, "chat": _ChatAdapter}


def adapter_of(name: str) -> dspy.Adapter:
    """The adapter of that name.

    Raises
    ------
    UsageError
        If there is none.
    """
    check_choice("adapter", name, tuple(ADAPTERS))
    return ADAPTERS[name]()

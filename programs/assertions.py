"""The stock of named assertions. Each looks at one draft and returns nothing, or one sentence addressed to its writer.

The same sentence serves as retry feedback, as a refusal's reason, as an optimiser's textual feedback and, by the assertion's
name, as a counter. Parameters come from the task file, where `kind` names the assertion.
"""

from collections import Counter
from itertools import groupby
from typing import Annotated, Any, Literal, Self, get_args

import regex
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field as Attr,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from seedless.echoes import repeats, runs_of
from seedless.kept import Kept
from seedless.slips import (
    ADDRESS,
    ASKING,
    BLANK,
    CLOSERS,
    DECLINING,
    DOUBLED,
    ENDINGS,
    GREEK,
    INITIAL,
    KA,
    LETTERED,
    OPEN,
    OPENED,
    PREAMBLE,
    REFUSAL,
    REPEATED_MARK,
    SMILING,
    STRANGE,
    UNENDED,
    bracketed,
    closed,
    quoted,
    unruled,
)
from seedless.slot import Draft, Slot
from seedless.text import (
    LANGUAGES,
    LETTERS,
    LONGEST,
    languages_of,
    length,
    rouge_l,
    run_of,
    says,
    sentences,
    standing,
    tokens,
    unit,
    unspaced,
    words,
)

__all__ = [
    "CUT",
    "HANGING",
    "NAME",
    "Assertion",
    "Complete",
    "Conflict",
    "Contains",
    "Echo",
    "Excludes",
    "FieldsDiffer",
    "FreshOpening",
    "Language",
    "LanguageCode",
    "Length",
    "Loops",
    "Meta",
    "Name",
    "NearDuplicate",
    "NoLabelWord",
    "NotCut",
    "Regex",
    "Sentences",
    "Stock",
    "kinds",
    "refuses",
    "shows_blank",
    "shows_strange_letters",
    "telling",
]

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"  # of a field, an attribute or a task
Name = Annotated[str, StringConstraints(pattern=NAME)]
Count = Annotated[int, Attr(ge=0, le=10_000, strict=True)]
Fraction = Annotated[float, Attr(gt=0, le=1, strict=True)]


def _of_a_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(
            f"given the language {code!r}, codes of ISO 639-1 are allowed, such as en, de, ja, zh; give the language's"
        )
    return code


LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$"), AfterValidator(_of_a_language)]

CUT = "The text was cut off at the token limit; write a shorter one that ends properly."
LIKELY = 0.1  # probability of a language that a text may well be written in
SURE = 0.5  # probability of the language that a text is taken to be written in
NONE = "zxx"  # what the identifier calls a text in no language
FAR = 20  # times less likely than the likeliest: what a text is not written in, however little is sure
SAYING = ("said", "saying", "says")  # lead to what is said, but for before a full stop: "It rained," he said.
HANGING = (
    "a", "an", "and", "as", "because", "but", "during", "every", "my", "or", "our", *SAYING, "the", "their", "whether", "which",
    "while", "whose", "your",
)  # fmt: skip


class Assertion(BaseModel):
    """One named check of a draft. Without `field`, every written field is looked at; with `labels`, only what is written for one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    field: Name | None = None
    labels: Annotated[tuple[str, ...], Attr(max_length=100)] = ()

    @model_validator(mode="after")
    def _of_the_draft(self) -> Self:
        if self.field is not None and self.kind in {"fields_differ", "near_duplicate", "conflict", "fresh_opening"}:
            raise ValueError(f"{self.kind} looks at the whole row; leave field out")
        if self.labels and self.kind in {"near_duplicate", "conflict", "fresh_opening"}:
            raise ValueError(f"{self.kind} looks at the whole data set; leave labels out")
        return self

    @property
    def name(self) -> str:
        """The assertion's kind, with its field and its labels where it has some."""
        of = f"[{', '.join(self.labels)}]" if self.labels else ""
        return f"{self.kind}{of}" if self.field is None else f"{self.kind}:{self.field}{of}"

    def named_fields(self) -> tuple[str, ...]:
        """Every field name that the parameters mention."""
        return () if self.field is None else (self.field,)

    def concerns(self, slot: Slot) -> bool:
        """Whether it looks at what is written for `slot`."""
        return not self.labels or slot.label in self.labels

    @property
    def unwanted(self) -> tuple[str, ...]:
        """Words that no text may hold, for a decoder that can be kept from them."""
        return ()

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        """Nothing where the assertion holds, else one sentence that tells the writer what to change."""
        names = [self.field] if self.field is not None else [name for name in draft.texts if name not in draft.given]
        for name in names:
            # A given field is the slot's, not the draft's: absent from a bare draft, it holds.
            if (text := draft.texts.get(name)) is not None and (sentence := self.judge(text, slot)) is not None:
                return sentence if len(draft.texts) == 1 else f"In {name}: {sentence}"
        return None

    def judge(self, text: str, slot: Slot) -> str | None:
        """Nothing where one field's text holds, else the sentence."""
        raise NotImplementedError(f"{type(self).__name__} looks at whole drafts only")  # a subclass overrides judge or check


class Length(Assertion):
    """Between `min_words` and `max_words` words; of a script that sets no spaces between words, characters. It does not say so itself."""

    kind: Literal["length"] = "length"
    min_words: Count = 1
    max_words: Count = 10_000

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is above max_words {self.max_words}; swap or widen them")
        return self

    def judge(self, text: str, slot: Slot) -> str | None:
        count = length(text)
        if count < self.min_words:
            return f"The text has {count} {unit(text)}; write at least {self.min_words}."
        if count > self.max_words:
            return f"The text has {count} {unit(text)}; write at most {self.max_words}."
        if says(text, f"{self.min_words} to {self.max_words} {unit(text)}"):  # as a writer is told it
            return "The text says how long it is to be; leave that out."
        return None


class Sentences(Assertion):
    """Between `minimum` and `maximum` sentences."""

    kind: Literal["sentences"] = "sentences"
    minimum: Annotated[int, Attr(ge=1, le=1000, strict=True)] = 1
    maximum: Annotated[int, Attr(ge=1, le=1000, strict=True)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}; give both, the smaller one first")
        return self

    def judge(self, text: str, slot: Slot) -> str | None:
        count = len(sentences(text))
        if self.minimum <= count <= self.maximum:
            return None
        wanted = str(self.minimum) if self.minimum == self.maximum else f"{self.minimum} to {self.maximum}"
        return f"The text has {count} sentences; write {wanted}."


class NotCut(Assertion):
    """Not cut by the token limit: all that is asked where the other assertions are left out."""

    kind: Literal["not_cut"] = "not_cut"

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        return None if draft.finished and not draft.cut else CUT


class Complete(Assertion):
    """Ends properly: not cut by the token limit, not in mid-sentence, quotation marks and brackets in pairs.

    `form` is the field's: a `question` ends with a question mark, a `sentence` with a full stop or its like, a `text` or `phrase` on
    anything but a comma, a colon, a dash, an opening bracket or a `hanging` word (by default English ones). A smiley ends a text,
    may follow a sentence's or a question's end, and opens no bracket; it may close one, as in "(great :)". A `"` behind a digit is a
    unit of length where none is open. A capital letter ends what it is the whole of, and what it follows "a", "an" or a noun in that
    is told apart by letters (plan, vitamin, grade); behind another word and before a full stop it is a name's initial, of which the
    rest is missing.
    """

    kind: Literal["complete"] = "complete"
    form: Literal["sentence", "question", "text", "phrase"] = "text"
    hanging: tuple[str, ...] = HANGING

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        cut = [name for name in draft.cut if self.field in {None, name}]
        if not draft.finished or cut:
            return CUT if not cut or len(draft.texts) == 1 else f"In {cut[0]}: {CUT}"
        return super().check(draft, slot, kept)

    def judge(self, text: str, slot: Slot) -> str | None:
        before = SMILING.sub("", text)
        smiling = before != text
        bare = before.rstrip()
        if OPENED.search(bare) is None:
            bare = bare.rstrip(CLOSERS).rstrip()
        last = bare[-1:]
        ended = UNENDED.search(bare) is not None
        asked = last in ASKING or (last == ";" and GREEK.search(bare) is not None) or KA.search(bare) is not None
        if self.form == "question" and not asked and not ended:
            return "The text does not end with a question mark; write one question and nothing after it."
        lettered = LETTERED.search(bare) is not None
        if self.form == "sentence" and INITIAL.search(bare) and not lettered:
            return "The sentence breaks off after an initial; finish what it says."
        if self.form == "sentence" and last not in ENDINGS and not asked and not ended:
            return "The sentence does not end; finish it with a full stop."
        tail = [] if lettered else words(bare)[-1:]
        over = asked or (self.form == "text" and (last == ";" or ADDRESS.search(bare) is not None))  # as a line of code is
        hangs = (last in OPEN and not over) or (last not in ENDINGS and tail and tail[0] in self.hanging)
        if hangs and not (smiling and self.form == "text"):
            return "The text breaks off; finish what it says."
        if (
            tail
            and last in ".…"
            and tail[0] in self.hanging
            and tail[0] not in SAYING
            and not bare[: -len(last)].rstrip().endswith(tuple("!?"))
            and self.form != "text"
        ):
            return f"The sentence breaks off at {tail[0]!r}; finish what it says."
        if not quoted(text) or not closed(text) or not bracketed(text):
            return "A quotation mark or bracket is opened and never closed; close it or leave it out."
        return None


BRIEF = 60  # words of a polite refusal at most


class Meta(Assertion):
    """Is an instance, not talk about one: no `refusal`, no `preamble` or echo of the instruction, no `blank` left to fill in.

    A preamble announces a text ("Here is a review: ...", "Review: ..."), or speaks of the one that was asked for. A blank is a name in
    brackets of its own, or a row of underscores, and neither a link in markdown nor a subscript in code.
    Each of the three can be left out: a support desk's replies read like an assistant's, and a cloze has its blank.
    """

    kind: Literal["meta"] = "meta"
    refusal: bool = True
    preamble: bool = True
    blank: bool = True

    def judge(self, text: str, slot: Slot) -> str | None:
        text = text.replace("’", "'")
        if self.refusal and refuses(text):
            return "The text is an answer to the instruction, not an instance of the data; write the instance itself."
        if self.preamble and PREAMBLE.search(text):
            return "The text talks about the instance; write only the instance, with nothing before or around it."
        if self.blank and BLANK.search(text):
            return "The text leaves a blank to fill in; write real words in its place."
        return None


class Echo(Assertion):
    """Does not repeat what the writer was told: no `run` words in a row of it, nor all of it where it is shorter.

    `constraints` are pairs of a label and what is said of it; a task's own constraints and meanings are put in where none are given.
    They are looked for with their places filled in. What stands in a place is what the text is to be about, and so, with `things`, is a thing
    that two of them name ("a parking fine"): only the words around it count, and where they are fewer than `run`, two at least, a sentence of
    the text must be the constraint and nothing else. A cue's place parts what is before it from what is behind. Where a sentence of the
    constraint begins with "Mention", none of the text does.
    """

    kind: Literal["echo"] = "echo"
    run: Annotated[int, Attr(ge=3, le=50, strict=True)] = 5
    constraints: tuple[tuple[str, str], ...] = ()
    things: bool = True

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Its parameters without `things` where it holds, so that tasks from before it keep their hash."""
        return {name: value for name, value in handler(self).items() if name != "things" or not value}

    def judge(self, text: str, slot: Slot) -> str | None:
        instructions = tuple(instruction for label, instruction in self.constraints if label == slot.label)
        values = {"context": slot.seed.context.text, **slot.attributes}
        if repeats(text, instructions, values, slot.seed.text, run=self.run, things=self.things):
            return "The text repeats the instruction; write the instance in words of its own."
        return None


class Loops(Assertion):
    """Does not go round in circles: no run of `run` words stands more than `times` times, and words vary enough.

    Phrases come back in any long text: of what goes beyond a hundred words up to a fifth may be runs that stand too often, but never
    more than 75 of them one after the other.

    Of any fifty words in a row, on average over the text, the share `distinct` are different ones (MATTR, Covington and McFall 2010: it
    does not fall with a text's length). With `doubles` no word stands twice in a row, with nothing but a space between: a slip in
    English, a plural or an adverb in other languages. With `marks` no sign is strung together, but in a line that is a rule or parts a table's head from its rows, and
    in the signs before a heading.
    """

    kind: Literal["loops"] = "loops"
    run: Annotated[int, Attr(ge=2, le=20, strict=True)] = 5
    times: Annotated[int, Attr(ge=1, le=100, strict=True)] = 1
    distinct: Fraction = 0.45
    doubles: bool = True
    marks: bool = True

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Its parameters without `marks` where it holds, so that tasks from before it keep their hash."""
        return {name: value for name, value in handler(self).items() if name != "marks" or not value}

    def judge(self, text: str, slot: Slot) -> str | None:
        said = words(text)
        again = _again(runs_of(said, run_of(self.run, text)), self.times)
        room = max(0, len(said) - run_of(SHORT, text)) * RECURRING
        if sum(again) > room or max((sum(row) for _, row in groupby(again)), default=0) > run_of(VERBATIM, text):
            return "The text says the same words again and again; say each thing once."
        if self.doubles and any(not word.isdigit() and word.casefold() not in MAY_DOUBLE for word in DOUBLED.findall(text)):
            return "A word stands twice in a row; leave one out."
        if len(said) >= 12 and _varied(said) < self.distinct:
            return "The text uses too few different words; vary them."
        if self.marks and REPEATED_MARK.search(unruled(text)):
            return "The text strings the same sign together; write words."
        return None


EVERYDAY = frozenset({"all", "any", "false", "neither", "no", "none", "not", "other", "others", "some", "true", "yes"})
WINDOW = 50  # words
SHORT = 100  # words of a text in which nothing need come back
RECURRING = 0.2  # of what goes beyond, the share of recurring runs that no prose reaches
VERBATIM = 75  # recurring runs in a row; prose has 73 at most
MAY_DOUBLE = frozenset({"that", "had", "very", "no", "so", "ha"})


class NoLabelWord(Assertion):
    """Names no label: none of `banned` (by default the names of the task's labels, but for everyday words and numbers) stands in the text as a word.

    A single character of a script that sets no spaces is a part of other words, and no sign of the label.
    """

    kind: Literal["no_label_word"] = "no_label_word"
    banned: tuple[str, ...] = ()

    @property
    def unwanted(self) -> tuple[str, ...]:
        return self.banned

    def named(self, text: str) -> str | None:
        """The first of the words that stands in `text`; None where none does."""
        for word in self.banned:
            if len(word) == 1 and unspaced(word):
                continue  # a part of other words more often than a word of its own
            if says(text.replace("_", " "), word.replace("_", " ")):
                return word
        return None

    def judge(self, text: str, slot: Slot) -> str | None:
        word = self.named(text)
        if word is None:
            return None
        return f"The text gives the label away with the word {word!r}; leave it out and show what it means instead."


class Contains(Assertion):
    """Holds the value of the field `value_of` as it is written there, or one of `any_of`, case aside.

    A value is looked for sign for sign: whoever reads a span later must find it in its passage. Of `any_of` only the words count, and
    the signs of what has no word.
    """

    kind: Literal["contains"] = "contains"
    field: Name
    value_of: Name | None = None
    any_of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.value_of is None) == (not self.any_of):
            raise ValueError("give either value_of (a field) or any_of (a list of words), not both and not neither")
        return self

    def named_fields(self) -> tuple[str, ...]:
        return (self.field, *([self.value_of] if self.value_of else []))

    def _wanted(self, draft: Draft) -> tuple[str, ...]:
        return self.any_of if self.value_of is None else (draft.texts.get(self.value_of, ""),)

    def _held(self, draft: Draft) -> list[str]:
        """What of the wanted words the field holds, whole words only, case aside."""
        text = draft.texts.get(self.field, "")
        return [wanted for wanted in self._wanted(draft) if self._stands(wanted, text)]

    def _stands(self, wanted: str, text: str) -> bool:
        if self.value_of is None and words(wanted):
            return says(text, wanted)
        return bool(wanted.strip()) and standing(wanted).search(text) is not None

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        if self._held(draft):
            return None
        if self.value_of is not None:
            return f"{self.field} must hold the text of {self.value_of}; write it in, word for word and sign for sign."
        return f"{self.field} must hold one of {list(self.any_of)}; write it in, word for word."


class Excludes(Contains):
    """Holds neither the value of the field `value_of` nor any of `any_of`, whatever signs stand between their words."""

    kind: Literal["excludes"] = "excludes"  # type: ignore[assignment]  # a kind of its own with the same parameters

    @property
    def unwanted(self) -> tuple[str, ...]:
        return self.any_of

    def _stands(self, wanted: str, text: str) -> bool:
        return says(text, wanted) or super()._stands(wanted, text)

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        held = self._held(draft)
        return f"{self.field} must not hold {held[0].strip()[:80]!r}; say it in other words." if held else None


class FieldsDiffer(Assertion):
    """No two fields say the same: ROUGE-L F1 between each pair stays below `threshold`."""

    kind: Literal["fields_differ"] = "fields_differ"
    threshold: Fraction = 0.95

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        pairs = [(a, b) for i, a in enumerate(draft.texts) for b in list(draft.texts)[i + 1 :]]
        for a, b in pairs:
            if rouge_l(tokens(draft.texts[a]), tokens(draft.texts[b])) >= self.threshold:
                return f"{a} and {b} say the same; make them differ."
        return None


SHORT_OF_WORDS = 12  # from there on two words changed are no other text


class NearDuplicate(Assertion):
    """Is new: ROUGE-L F1 to every row kept so far stays below `threshold` (Self-Instruct drops above 0.7).

    One word is a large part of a few: "How do I close my account?" and "How do I open my account?" have 0.83. Of texts of fewer than `short`
    words (twice as many characters) more is asked, evenly from the threshold up to the same words; with 0 the threshold holds at every length.

    What is written is compared; with `whole`, a row repeats another only where the given field does so as well. So it is by default
    where only spans and a few words are written.
    """

    kind: Literal["near_duplicate"] = "near_duplicate"
    threshold: Fraction = 0.7
    whole: bool = False
    short: Annotated[int, Attr(ge=0, le=100, strict=True)] = SHORT_OF_WORDS

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Its parameters without `whole` and `short` where nobody set them, so that tasks from before them keep their hash."""
        return {
            name: value for name, value in handler(self).items() if name not in {"whole", "short"} or name in self.model_fields_set
        }

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        whole, short = draft.text if self.whole else None, run_of(self.short, draft.written)
        if kept.similarity(draft.written, self.threshold, whole=whole, short=short) > 0:
            return "The text is nearly the same as one that the data set has; write about something else in other words."
        return None


class FreshOpening(Assertion):
    """Begins in its own way: no more than `share` of the rows kept (and always `floor` of them) begin with its first three words.

    Rows of the labels in `dealt` are let through: code deals their first words out.
    """

    kind: Literal["fresh_opening"] = "fresh_opening"
    share: Fraction = 0.04
    floor: Annotated[int, Attr(ge=1, le=1000, strict=True)] = 3
    dealt: tuple[str, ...] = ()

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        if slot.label not in self.dealt and kept.opened_so(draft.written) >= max(self.floor, self.share * len(kept)):
            return "Too many rows begin with these words; begin in another way."
        return None


class Conflict(Assertion):
    """Does not stand in the data set already under another label."""

    kind: Literal["conflict"] = "conflict"

    def check(self, draft: Draft, slot: Slot, kept: Kept) -> str | None:
        label = kept.label_of(draft.text)
        if label is not None and label != slot.label:
            return f"The same text stands in the data set under the label {label!r}; write another."
        return None


SCARCE = 100  # characters for each letter of another script


class Language(Assertion):
    """Is written in `code` (ISO 639-1), as far as the text is long enough to tell (`min_words`), and an English text of any length in its script.

    Refused is what is surely written in another language. Close relatives (Indonesian and Malay, the two Norwegians) are hard to tell
    apart, so what may well be `code` holds; and so does what is in no language for sure (names, numbers, shorthand, code), unless
    `code` is far less likely than another.

    With `scripts`, an English text holds no letters of scripts that no European language is written in (Chinese, Japanese, Korean, Arabic,
    Thai and the like), but for one in a hundred, as an encyclopaedia's names in the original, and but for those of its seed, context and attributes.
    """

    kind: Literal["language"] = "language"
    code: LanguageCode = "en"
    min_words: Count = 8
    scripts: bool = True

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Its parameters without `scripts` where it holds, so that tasks from before it keep their hash."""
        return {name: value for name, value in handler(self).items() if name != "scripts" or not value}

    def judge(self, text: str, slot: Slot) -> str | None:
        if self.scripts and self.code == "en" and not text.isascii() and (strange := STRANGE.findall(text)):
            known = {*slot.seed.text, *slot.seed.context.text, *"".join(slot.attributes.values())}
            strange = [letter for letter in "".join(strange) if letter not in known]
            if len(strange) * SCARCE > len(text):
                return f"The text holds {strange[0]!r}, a letter of another script; write it in {self.code!r} throughout."
        if len(words(text)) < self.min_words:
            return None
        likely = languages_of(text)
        found, most = next(iter(likely.items()))
        asked = likely.get(self.code, 1.0)  # of a language that the model does not know nothing is known
        if asked >= LIKELY or found == NONE or (most < SURE and asked * FAR >= most):
            return None
        return f"The text reads as {found!r}; write it in {self.code!r}."


PATIENCE = 2.0  # seconds for one pattern in one text


class Regex(Assertion):
    """Matches `pattern` somewhere, or, with `absent`, nowhere.

    A text over 80,000 characters, more than any field has room for, is refused unread, and one in which a pattern that tries too many
    ways has found nothing after two seconds.
    """

    kind: Literal["regex"] = "regex"
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    absent: bool = False
    message: Annotated[str, StringConstraints(min_length=1, max_length=300)]

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            regex.compile(pattern)
        except regex.error as error:
            raise ValueError(f"pattern {pattern!r} is no regular expression ({error}); mend it") from error
        return pattern

    def judge(self, text: str, slot: Slot) -> str | None:
        if len(text) > LONGEST * LETTERS:
            return f"The text is too long to be looked at; write at most {LONGEST * LETTERS:,} characters."
        try:
            found = regex.search(self.pattern, text, timeout=PATIENCE)
        except TimeoutError:
            return "The text takes too long to be looked at; write a shorter one."
        return None if (found is None) == self.absent else self.message


Stock = Annotated[
    Length
    | Sentences
    | Complete
    | Meta
    | Echo
    | Loops
    | NoLabelWord
    | Contains
    | Excludes
    | FieldsDiffer
    | NearDuplicate
    | FreshOpening
    | Conflict
    | Language
    | Regex,
    Attr(discriminator="kind"),
]


def refuses(text: str) -> bool:
    """Whether `text` declines to write what was asked for, or speaks as an assistant does. In a long text a writer who declines is a part of the story.

    >>> refuses("I must decline to write this message."), refuses("I must decline to sign this contract.")
    (True, False)
    """
    said = text.replace("’", "'")
    return REFUSAL.search(said) is not None or (length(text) <= BRIEF and DECLINING.search(said) is not None)


def shows_blank(text: str) -> bool:
    """Whether `text` holds what `Meta` takes for a blank to fill in."""
    return BLANK.search(text) is not None


def shows_strange_letters(text: str) -> bool:
    """Whether `text` holds letters of scripts that `Language` lets no English text hold."""
    return STRANGE.search(text) is not None


def telling(label: str) -> bool:
    """Whether a label's name gives the label away where it stands in a text: numbers, single letters and everyday words don't.

    >>> [telling(name) for name in ("positive", "not spam", "5", "C++", "no", "other")]
    [True, True, False, False, False, False]
    """
    return any(len(word) > 1 and not word.isdigit() and word not in EVERYDAY for word in words(label)) or unspaced(label)


def kinds() -> dict[str, type[Assertion]]:
    """The stock by kind."""
    return {str(cls.model_fields["kind"].default): cls for cls in get_args(get_args(Stock)[0])}


def _again(runs: list[tuple[str, ...]], times: int) -> list[bool]:
    """Of each run whether it stood `times` times before."""
    met: Counter[tuple[str, ...]] = Counter()
    again = []
    for run in runs:
        again.append(met[run] >= times)
        met[run] += 1
    return again


def _varied(said: list[str]) -> float:
    """The mean share of different words among `WINDOW` in a row, in [0, 1]; of a shorter text, of all."""
    windows = runs_of(said, min(WINDOW, len(said)))
    return sum(len(set(window)) for window in windows) / len(windows) / len(windows[0])

"""Stages 3 to 5 for one slot: the label's constraint, the instance written under it, and its self-correction."""

import logging
import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dspy

from seedless.assertion_set import assertions_of, forms_of, language_of, of_the_given
from seedless.assertions import Assertion, Conflict, Meta, NearDuplicate, NotCut, refuses
from seedless.errors import LMUnusable
from seedless.kept import OPENING, Kept
from seedless.label_words import LabelWords, in_document
from seedless.lms.adapters import field_title
from seedless.lms.metered import StepFailed
from seedless.lms.spec import Profile
from seedless.outcome import Broken, Outcome, Provenance, Refusal, Row
from seedless.retry import AssertedRetry, Judged, Retried
from seedless.signatures import (
    DOCUMENTS_SHOWN,
    ReviseBesideGiven,
    ReviseInstance,
    ReviseInstancePlainly,
    WriteBesideGiven,
    WriteInstance,
    WriteInstanceInDocument,
    WriteInstancePlainly,
)
from seedless.slot import Draft, Slot, Verdict
from seedless.task import Task, fill
from seedless.text import LETTERS, first_words, length, sentences, shortened
from seedless.verify import Verifier

__all__ = ["Instance"]

LOG = logging.getLogger("seedless")

Identity = Mapping[str, str]
QUESTION_WORDS = (
    "Who", "Whose", "What", "Which", "When", "Where", "Why", "How", "In what", "In which", "At what", "For what", "On what", "Is", "Are", "Was", "Were",
    "Do", "Does", "Did", "Has", "Have", "Can", "Could", "Will", "Would", "Should",
)  # fmt: skip
REFUSED = "The answer declines the request and holds no instance; write the instance, in the form that was asked for."
UNREAD = 50  # answers of a verifier in a row that nobody could read, after which it is not asked again
READINGS, AS_ONE = 50, 48  # a verifier's last readings, and how many of one label among them are said
AGAINST = 15  # of them at least that were held against a draft asked for under another label
RELEVANCE = 1.0  # weight of a draft's relevance beside its label's probability


class Instance(dspy.Module):
    """Writes one instance so that the slot's label is true of it: write, assert, revise, verify; then keep, relabel or refuse.

    Parameters
    ----------
    task
        What is written, and by which words and assertions.
    profile
        How the LM is spoken to.
    verifier
        Who reads the drafts.
    label_words
        Words that tell each label, where a small model is given them.
    filters
        Whether the assertions are held to; otherwise a draft is refused only where the token limit cut it.
    """

    def __init__(
        self, task: Task, profile: Profile, verifier: Verifier, label_words: LabelWords | None = None, *, filters: bool = True
    ) -> None:
        super().__init__()
        plain = profile.wording == "plain"
        full = (WriteInstance, ReviseInstance) if not task.given_fields else (WriteBesideGiven, ReviseBesideGiven)
        write, revise = (WriteInstancePlainly, ReviseInstancePlainly) if plain else full
        self._document = in_document(task, profile)
        self._label_words = label_words
        self.write = AssertedRetry(
            _with_fields(WriteInstanceInDocument if self._document else write, task),
            _with_fields(revise, task),
            attempts=profile.attempts,
            drafts=profile.drafts,
            revises=profile.revise and not self._document,
            names={field.key: field.name for field in task.written_fields},
            shown=_shown(task) if label_words is not None and label_words.contexts else (),
        )
        self.verifier = verifier
        self.filters = filters
        self._full = not plain
        self._unread = 0
        self._one_sided = False
        self._readings: deque[tuple[str, str, bool]] = deque(
            maxlen=READINGS
        )  # asked for, read as, and whether that is held against the draft
        self.rephrase(task, profile)

    def rephrase(self, task: Task, profile: Profile, styles: tuple[str, ...] = ()) -> None:
        """Write from now on in `task`'s words, with `profile`'s sampling; one of `styles` is dealt to each slot."""
        self.task = task
        self.styles = styles
        self.assertions: tuple[Assertion, ...] = assertions_of(task, things=profile.conditions) if self.filters else (NotCut(),)
        self.of_the_given = tuple(a for a in task.assertions if self.filters and of_the_given(a, task))
        self.of_the_set = tuple(a for a in self.assertions if isinstance(a, Conflict | NearDuplicate))
        self._names_refusals = all(a.refusal for a in task.assertions if isinstance(a, Meta))
        self._trims = profile.adapter == "plain" and self.filters
        self._config = _config(task, profile, formed=self.filters, document=self._document)

    async def aforward(self, *, slot: Slot, kept: Kept, identity: Identity) -> Outcome:
        """The slot's outcome. `identity` names the strategy, the LM and the program, for the provenance.

        What is given and breaks an assertion of the task file that looks at nothing else ends the slot before anything is written.
        """
        given = Draft(self.task.given_texts(slot.seed.text, slot.attributes))
        told = ((a.name, a.check(given, slot, kept)) for a in self.of_the_given if a.concerns(slot))
        if broken := tuple(Broken(name, sentence) for name, sentence in told if sentence is not None):
            unfit = Judged(given, broken)
            return self._refusal("seeds", slot, Retried(unfit, ok=False, drafts=0, history=(unfit,)), identity)
        if self._label_words is not None:
            await self._label_words.aof(slot.label)

        async def judge(draft: Draft) -> Judged:
            return await self._judge(draft, slot, kept)

        try:
            retried = await self.write.acall(
                judge=judge,
                rollout=slot.rollout,
                config=lambda drafts: self._config | self._kept_from(slot, drafts),
                again=lambda attempt: self._reopened(slot, attempt),
                **self.inputs(slot),
            )
        except StepFailed as failed:
            last = Judged(Draft({}), (Broken(failed.assertion, str(failed)),))
            return self._refusal("write", slot, Retried(last, ok=False, drafts=0, history=(last,)), identity)
        label = self._label_of(slot, retried)
        if label is None:
            only_label = [b.assertion for b in retried.last.broken] == ["label"]
            return self._refusal("verify" if only_label else "write", slot, retried, identity)
        if label != slot.label and (ended := self._unfit(slot, retried, label, kept)) is not None:
            return self._refusal("verify", slot, ended, identity)
        return Row(id="", texts=retried.last.draft.texts, label=label, provenance=self._provenance(slot, retried, identity))

    def constraint(self, slot: Slot) -> str:
        """The label's constraint with every place filled in (stage 3)."""
        places = {"context": slot.seed.context.text, "seed": slot.seed.text, **self._dealt(slot)}
        if self.task.seeds.field is not None:
            places[self.task.seeds.field] = slot.seed.text
        return fill(self.task.label(slot.label).constraint, places, language=self.task.language)

    def _dealt(self, slot: Slot) -> dict[str, str]:
        """What code deals to a slot beside its seed: its attributes, and one of its label's cues, or of the words that tell it."""
        cues = self.task.label(slot.label).cues
        if not cues and self._label_words is not None and slot.seed.context.source != "words":
            cues = self._label_words.of(slot.label)
        return {**slot.attributes, **({"cue": random.Random(f"{slot.rollout}/cue").choice(cues)} if cues else {})}

    def inputs(self, slot: Slot) -> dict[str, Any]:
        """What the writer is asked with."""
        label = self.task.label(slot.label)
        pattern = label.constraint
        worded = slot.seed.context.source == "words"
        given = self.task.given_texts(slot.seed.text, slot.attributes)
        fielded = {attribute.name: attribute for attribute in self.task.attributes if attribute.field is not None}
        word = slot.seed.text if worded else "" if label.cues else self._dealt(slot).get("cue", "")
        return {
            "description": self.task.description,
            "label": label.name,
            "meaning": label.meaning,
            "constraint": self.constraint(slot),
            "about": ", ".join(part for part in (slot.seed.context.text, word) if part),
            "shown": _before_quotation(self.task, given),
            "context": slot.seed.context.text,
            "seed": slot.seed.text,
            "given_fields": [
                f"{field.name} ({field.description.rstrip('.')}): "
                f"{'the seed, word for word' if field.name == self.task.seeds.field else given[field.name]}"
                for field in self.task.fields
                if field.name in given
            ],
            # A value that the constraint has a place for, or a field of its own, is said there already.
            "attributes": [
                *(value for name, value in slot.attributes.items() if f"{{{name}}}" not in pattern and name not in fielded),
                *(
                    f'with the {a.field} "{given[str(a.field)]}"'
                    for a in fielded.values()
                    if not self._full and f"{{{a.name}}}" not in pattern
                ),
                *([random.Random(f"{slot.rollout}/style").choice(self.styles)] if self.styles else []),
                *(language_of(self.task) if self._full else ()),
                *(forms_of(self.task, [a for a in self.assertions if a.concerns(slot)]) if self._full and self.filters else ()),
            ],
            "opening": self._opening(slot),
        }

    def _opening(self, slot: Slot) -> str:
        openings = self.task.label(slot.label).openings
        return random.Random(slot.rollout).choice(openings) if openings else ""

    def _kept_from(self, slot: Slot, drafts: Sequence[Judged]) -> dict[str, Any]:
        """What the decoder keeps a small model from, which says a word that it was told to leave out: the words that the slot's text must not
        hold, and in a document the first words of drafts that too many rows begin like."""
        if "form" not in self._config or not (self._document or len(self.task.written_fields) == 1):
            return {}  # in a JSON object a field may be called like a label
        lone = len(self.task.written_fields) == 1
        banned = [word for a in self.assertions if a.concerns(slot) and (lone or a.field is None) for word in a.unwanted]
        worn = [judged.draft.written for judged in drafts if any(b.assertion == "fresh_opening" for b in judged.broken)]
        unlike = list(dict.fromkeys(first_words(text, OPENING) for text in worn)) if self._document else []
        return {**({"avoid": banned} if banned else {}), **({"unlike": unlike} if unlike else {})}

    def _reopened(self, slot: Slot, attempt: int) -> dict[str, Any]:
        """Another opening for a small model's next try: where it must begin with the same words it says the same again."""
        others = [opening for opening in self.task.label(slot.label).openings if opening != self._opening(slot)]
        if self._full or not others:
            return {}
        return {"opening": random.Random(f"{slot.rollout}/opening/{attempt}").choice(others)}

    async def _judge(self, draft: Draft, slot: Slot, kept: Kept) -> Judged:
        draft = _bounded(draft, self.task)
        if draft.problem:
            if draft.finished and self._names_refusals and refuses(draft.text):
                return Judged(draft, (Broken("refusal", REFUSED),))
            return Judged(draft, (Broken("form" if draft.finished else NotCut().name, draft.problem),))
        if self._trims:
            draft = _trimmed(draft, self.task)
        if given := self.task.given_texts(slot.seed.text, slot.attributes):
            texts = {f.name: given.get(f.name, draft.texts.get(f.name, "")) for f in self.task.fields}
            draft = replace(draft, texts=texts, given=tuple(given))
        told = ((a.name, a.check(draft, slot, kept)) for a in self.assertions if a.concerns(slot))
        if broken := tuple(Broken(name, sentence) for name, sentence in told if sentence is not None):
            return Judged(draft, broken)
        verdict = await self.verifier.verdict(draft, slot, slot.rollout)
        self._unread = self._unread + 1 if verdict is not None and not verdict.label else 0
        if self._unread >= UNREAD:
            raise LMUnusable(
                f"none of the verifier's last {UNREAD} answers names one of the labels; name another model with --judge-lm, or another reader with --verifier"
            )
        convinced = verdict is None or self._convinced(verdict, slot)
        if verdict is not None and verdict.label:
            self._note_reading(slot.label, verdict.label, against=not convinced)
        if verdict is None or convinced or self.verifier.only_relabels:
            return Judged(
                draft,
                (),
                score=_score(verdict),
                verdict=verdict,
            )
        sentence = self._objection(verdict, self.task.label(slot.label).meaning)
        return Judged(draft, (Broken("label", sentence),), score=_score(verdict), verdict=verdict)

    def _objection(self, verdict: Verdict, meaning: str) -> str:
        """What the writer is told of a verdict that names another label than the asked one, or none: in the plain wording as part of one sentence."""
        said = verdict.reason.rstrip(".")
        if self._full:
            quoted = said.replace('"', "'")
            because = f' (because: "{quoted}")' if said else ""
            holds = f"this holds: {meaning}{'' if meaning[-1] in '.!?' else '.'}"
        else:
            because = f", because {said}" if said else ""
            holds = f"{'this holds: ' if len(self.task.fields) > 1 else ''}{meaning.rstrip('.')}."
        read = f"read the text as {verdict.label!r}{because}; change it" if verdict.label else "was not understood; change the text"
        return f"A reader who was not told the label {read} so that {holds}"

    def _note_reading(self, asked: str, read: str, *, against: bool) -> None:
        """Say it, once, where nearly all drafts of late read as one label whatever was asked for. Who of the two is at fault nobody can tell here."""
        self._readings.append((asked, read, against))
        ((one, times),) = Counter(read for _, read, _ in self._readings).most_common(1)
        others = sum(against for asked, read, against in self._readings if read == one != asked)
        if self._one_sided or times < AS_ONE or others < AGAINST:
            return
        self._one_sided = True
        LOG.warning(
            "the verifier read %d of the last %d drafts as %r, %d of them asked for under another label: either the writer writes nothing else, or the "
            "verifier tells no labels apart; look at the drafts, then name another reader (--judge-lm, --verifier) or writer (--lm)",
            times, len(self._readings), one, others,
        )  # fmt: skip

    def _convinced(self, verdict: Verdict, slot: Slot) -> bool:
        """Whether the verdict lets the asked label stand."""
        if verdict.label == slot.label:
            return True
        return self.verifier.doubt < 1.0 and verdict.confidence is not None and verdict.confidence >= self.verifier.doubt

    def _label_of(self, slot: Slot, retried: Retried) -> str | None:
        """The label of the row that the last draft is: another than the asked one where nothing else is wrong and the verifier's word is good
        enough for it. None where it is no row."""
        last = retried.last
        read = last.verdict.label if last.verdict is not None and last.verdict.label in self.task.label_names else None
        if retried.ok:
            return read if read is not None and self.verifier.only_relabels else slot.label
        return read if [b.assertion for b in last.broken] == ["label"] and self.verifier.relabels else None

    def _unfit(self, slot: Slot, retried: Retried, label: str, kept: Kept) -> Retried | None:
        """The end of a slot whose draft reads as `label` and does not hold what the task asks of that label's texts; None where it does."""
        other, last = replace(slot, label=label), retried.last
        told = (a.check(last.draft, other, kept) for a in self.assertions if a.concerns(other))
        sentence = next((sentence for sentence in told if sentence is not None), None)
        if sentence is None:
            return None
        ended = replace(
            last, broken=(*last.broken, Broken("relabel", f"The text reads as {label!r}, and of such a text is asked: {sentence}"))
        )
        return replace(retried, last=ended, ok=False, history=(*retried.history[:-1], ended))

    def _refusal(self, stage: str, slot: Slot, retried: Retried, identity: Identity) -> Refusal:
        return Refusal(
            stage=stage,
            position=slot.position,
            round=slot.round,
            asked_label=slot.label,
            texts=retried.last.draft.texts,
            broken=tuple(b for judged in retried.history for b in judged.broken),
            provenance=self._provenance(slot, retried, identity),
        )

    def _provenance(self, slot: Slot, retried: Retried, identity: Identity) -> Provenance:
        verdict = retried.last.verdict
        return Provenance(
            strategy=identity["strategy"],
            context=slot.seed.context.text,
            context_source=slot.seed.context.source,
            seed=slot.seed.text,
            attributes=self._dealt(slot),
            asked_label=slot.label,
            verdict=verdict.label if verdict else None,
            reason=verdict.reason if verdict else "",
            confidence=verdict.confidence if verdict else None,
            attempts=retried.drafts,
            broken=tuple(b.assertion for judged in retried.history for b in judged.broken),
            lm=identity["lm"],
            program=identity["program"],
        )


def _score(verdict: Verdict | None) -> float:
    """What ranks the drafts of one try: how sure the asked label is, and how near the text is to what it was asked to be about."""
    return 0.0 if verdict is None else (verdict.confidence or 0.0) + RELEVANCE * verdict.relevance


def _bounded(draft: Draft, task: Task) -> Draft:
    """The draft, a sentence or question on one line, and no text longer than its field can be read at: what an LM that does not stop goes
    on with is left out, and counts as cut."""
    texts, cut = dict(draft.texts), list[str]()
    for field in task.written_fields:
        if (text := texts.get(field.name)) is not None:
            room = field.max_words * LETTERS
            cut += [field.name] if len(text) > room else []
            texts[field.name] = text[:room] if field.form == "text" else " ".join(text[:room].split())
    return replace(draft, texts=texts, cut=tuple(cut))


def _trimmed(draft: Draft, task: Task) -> Draft:
    """A lone text without the sentences that its length has no room for, and without what the token limit cut; of a lone sentence that is too
    long, the clauses that there is room for.

    A small model does not count its words; a text that ends a sentence or a clause earlier is as good as one written to that length.
    """
    if len(task.written_fields) != 1 or task.written_fields[0].form not in {"text", "phrase"}:
        return draft
    (field,) = task.written_fields
    whole = sentences(draft.texts.get(field.name, ""))
    ended = draft.finished and not draft.cut
    if not ended and len(whole) > 1:
        whole = whole[:-1]
    while len(whole) > 1 and sum(length(sentence) for sentence in whole) > field.max_words:
        whole = whole[:-1]
    text = " ".join(whole)
    if task.language == "en" and length(text) > field.max_words:
        text = shortened(text, field.max_words)
    elif not ended and len(whole) == 1 and whole == sentences(draft.texts[field.name]):
        return draft  # nothing but what was cut
    if not field.min_words <= length(text) <= field.max_words:
        return draft
    return replace(draft, texts={**draft.texts, field.name: text}, finished=True, cut=())


def _before_quotation(task: Task, given: Mapping[str, str]) -> str:
    """What stands in a document before the quotation mark that opens the first text to write: the given fields, and a title."""
    lines = [f'{field_title(name)}: "{text}"\n' for name, text in given.items()]
    return "".join([*lines, f"{field_title(task.written_fields[0].name) if len(task.fields) > 1 else 'Example'}:"])


def _shown(task: Task) -> tuple[dspy.Example, ...]:
    """Finished documents of no task, in the form of the field that this one writes."""
    (field,) = task.written_fields
    return tuple(dspy.Example(**shown, **{field.key: text}) for shown, text in DOCUMENTS_SHOWN[field.form])


def _with_fields(signature: Any, task: Task) -> Any:
    for field in task.written_fields:
        signature = signature.append(field.key, dspy.OutputField(desc=field.description), str)
    return signature


def _config(task: Task, profile: Profile, *, formed: bool, document: bool) -> dict[str, Any]:
    config = dict(profile.sampling.get("write", {}))
    if config:  # a model in this process: bound the text; a hosted one bounds itself, and may think before it writes
        config.setdefault("max_tokens", int(sum(1.8 * field.max_words + 12 for field in task.written_fields)))
    if profile.adapter == "plain" and formed:
        config["form"] = {field.key: field.form for field in task.written_fields}
        config["sentences"] = max(
            2, task.written_fields[0].max_words // 15
        )  # one alone is ended with "..." by a model that would go on
        config["least"] = {field.key: field.min_words for field in task.written_fields}
    if document:
        config["document"] = True
        if task.language == "en":  # a small model that begins a statement cannot end it as a question
            config["starts"] = {field.key: QUESTION_WORDS for field in task.written_fields if field.form == "question"}
    return config

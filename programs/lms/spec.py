"""`--lm SPEC`: which model writes, how it is reached, and how it is best spoken to."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from seedless.errors import SetupError, UsageError
from seedless.masking import masked, secrets_of_environment, without_user_info

if TYPE_CHECKING:
    import dspy

    from seedless.lms.metered import MeteredLM

__all__ = ["HOSTED", "LMSpec", "Profile", "configured", "opened"]

Sampling = Mapping[str, Any]

OPENAI = "https://api.openai.com/v1"
KEYS = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "together_ai": "TOGETHERAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "xai": "XAI_API_KEY",
    "fireworks_ai": "FIREWORKS_AI_API_KEY",
    "cohere": "COHERE_API_KEY",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """How a kind of model is best spoken to: the defaults that an LM brings with it.

    Parameters
    ----------
    wording, adapter
        The prompts' form.
    verifier
        Who reads a draft.
    drafts
        Drafts that are written in each round, of which the best is taken.
    attempts
        Rounds at most.
    revise
        Whether a broken draft goes back to the writer with its objections; otherwise another is written.
    list_batch
        Items that a list is asked for at a time.
    concurrency
        Requests in flight at once.
    conditions
        Whether the model can think of two things at once: then seeds that become no field are asked for within their context, otherwise as if for
        the whole task.
    document
        Whether texts are written as the next words of a document and not as an answer in a chat: `always`, or only where no opening leads them
        (`unled`). It takes the plain adapter.
    names
        Whether the contexts and seeds that it names are worth having; otherwise label words take their place, where texts are written so.
    explains
        Whether a verdict comes with a reason.
    relabels
        Whether a verdict may give a draft another label.
    english
        Whether what it writes in another language than English is no language.
    sampling
        Each stage's temperature, token limit and the like.
    """

    wording: Literal["full", "plain"]
    adapter: Literal["json", "chat", "plain"]
    verifier: Literal["lm", "embedding", "both"]
    drafts: int
    attempts: int
    revise: bool
    list_batch: int
    concurrency: int
    relabels: bool = True
    explains: bool = True
    conditions: bool = True
    document: Literal["never", "unled", "always"] = "never"
    names: bool = True
    english: bool = False
    sampling: Mapping[str, Sampling] = field(default_factory=dict)


HOSTED = Profile(wording="full", adapter="json", verifier="lm", drafts=1, attempts=3, revise=True, list_batch=20, concurrency=32)
LOCAL = Profile(
    wording="plain", adapter="plain", verifier="both", drafts=1, attempts=3, revise=True, list_batch=20, concurrency=8,
    relabels=False, explains=False, document="always",
    sampling={
        "contexts": {"temperature": 0.8, "min_p": 0.05, "max_tokens": 400},
        "seeds": {"temperature": 0.8, "min_p": 0.05, "max_tokens": 400},
        "write": {"temperature": 1.0, "min_p": 0.05},
        "verify": {"temperature": 0.0, "max_tokens": 40},
    },
)  # fmt: skip
EMBEDDED = Profile(
    wording="plain", adapter="plain", verifier="embedding", drafts=1, attempts=3, revise=False, list_batch=5, concurrency=8,
    relabels=False, explains=False, conditions=False, document="unled", names=False, english=True,
    sampling={
        "contexts": {"temperature": 0.7, "min_p": 0.1, "max_tokens": 80},
        "seeds": {"temperature": 0.7, "min_p": 0.1, "max_tokens": 80},
        "write": {"temperature": 1.0, "min_p": 0.1},
        "verify": {"temperature": 0.0, "max_tokens": 40},
    },
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LMSpec:
    """A model as named on the command line.

    `embedded` is SmolLM2-135M-Instruct in this process; `gguf:PATH` any GGUF file in this process; `hf:OWNER/REPO/FILE.gguf` fetches one once;
    anything else with a slash is DSPy's `provider/model`, reached at `api_base` where that is given, else, of OpenAI's, where
    `OPENAI_BASE_URL` or `OPENAI_API_BASE` of the environment lead DSPy, which is the `api_base` then.

    Examples
    --------
    >>> LMSpec.parse("openai/some-model", api_base="http://127.0.0.1:8000/v1").profile.adapter
    'json'
    """

    given: str
    kind: Literal["embedded", "gguf", "hf", "hosted"]
    where: str
    profile: Profile
    api_base: str | None = None

    @classmethod
    def parse(cls, given: str, *, api_base: str | None = None) -> "LMSpec":
        """The spec that `given` means.

        Raises
        ------
        UsageError
            If it means none.
        """
        if api_base is None and (variable := _base_variable(given)) is not None:
            try:
                return cls.parse(given, api_base=os.environ[variable].strip())
            except UsageError as error:
                raise UsageError(f"{variable}: {error}; or unset the variable") from error
        forms = "embedded, gguf:PATH, hf:OWNER/REPO/FILE.gguf, or a DSPy model string such as openai/NAME, anthropic/NAME, ollama_chat/NAME"
        if api_base is not None and "@" in re.sub("^[a-z]+:/*", "", api_base).partition("/")[0]:
            raise UsageError("given an API base with a password in it, which runs would keep; set the provider's API key instead")
        if api_base is not None and re.search(r"[?#]", api_base):
            raise UsageError(
                "given an API base with a query in it (from ? or # on), which runs would keep; give the address without it, and a key in the "
                "provider's environment variable"
            )
        if api_base is not None and not _is_address(api_base):
            raise UsageError(
                f"given the API base {api_base!r}, an address such as http://127.0.0.1:8000/v1 is allowed (http or https, a host, a port from "
                "1 to 65535 if any, no blanks); give one"
            )
        if given == "embedded":
            spec = cls(given, "embedded", "", EMBEDDED)
        elif given.startswith("gguf:"):
            spec = cls(given, "gguf", given.removeprefix("gguf:"), LOCAL)
        elif given.startswith("hf:"):
            if not re.fullmatch(r"[^/\s]+/[^/\s]+/\S+\.gguf", given.removeprefix("hf:")):
                raise UsageError(f"given the LM {given!r}, allowed is hf:OWNER/REPO/FILE.gguf; give all three parts")
            spec = cls(given, "hf", given.removeprefix("hf:"), LOCAL)
        elif given.endswith(".gguf"):
            raise UsageError(f"given the LM {given!r}, a file is named as gguf:{given}; give that")
        elif re.fullmatch(r"[A-Za-z0-9_-]+/\S+", given):
            return cls(given, "hosted", given, HOSTED, api_base.rstrip("/") if api_base is not None else None)
        else:
            raise UsageError(f"given the LM {given!r}, allowed are {forms}; name one of them")
        if api_base is not None:
            raise UsageError(
                f"given --api-base with the LM {given!r}, which runs in this process; drop it or name a DSPy model string"
            )
        return spec

    @classmethod
    def of(cls, given: Any, *, api_base: str | None = None) -> "LMSpec":
        """The spec that a string means, or the one that suits a DSPy LM object: a hosted model's.

        Raises
        ------
        UsageError
            If it means none.
        """
        if isinstance(given, str):
            return cls.parse(given, api_base=api_base)
        if not hasattr(given, "acall") or not hasattr(given, "model"):
            raise UsageError(f"given a {type(given).__name__} as LM, a string such as 'embedded' or a dspy.LM is allowed; give one")
        if api_base is not None:
            raise UsageError("given api_base with an LM object, which has its own address; drop it")
        return cls(str(given.model), "hosted", str(given.model), HOSTED)

    def open(
        self,
        *,
        concurrency: int | None = None,
        **options: Any,
    ) -> "MeteredLM":
        """The LM, ready to be called.

        Raises
        ------
        SetupError
            If weights, a package or an API key are missing.
        """
        from seedless.lms.metered import MeteredLM

        in_flight = concurrency or self.profile.concurrency
        shared: dict[str, Any] = {"concurrency": in_flight, **options}
        if self.kind == "hosted":
            self._check_key()
            identity, address = f"{self.given}@{self.api_base or ''}", self.api_base or self.given.partition("/")[0]
            if (key := self._key()) or self._provider in KEYS:  # without one, another provider's client knows what to send
                shared |= {"api_key": key or "none"}  # many a server of one's own asks for no key
            if self.api_base is not None:
                shared |= {"api_base": self.api_base}
            return MeteredLM(self.given, identity=identity, address=address, priced=self.api_base is None, **shared)
        from seedless.lms.llama import AsyncLlamaEngine, LlamaEngine, LlamaServer
        from seedless.lms.weights import digest

        path = self.file()
        engine = LlamaEngine(LlamaServer(path, slots=in_flight))
        name = f"{path.stem}@{digest(path)[:12]}"
        return MeteredLM(
            name,
            identity=name,
            address="this process",
            engine=engine,
            async_engine=AsyncLlamaEngine(engine),
            free=True,
            **shared,
        )

    def file(self) -> Path:
        """The GGUF file of a model that runs in this process.

        Raises
        ------
        SetupError
            If there is none, or it is no GGUF file.
        """
        if self.kind == "embedded":
            from seedless.lms.weights import embedded_lm

            return embedded_lm()
        if self.kind == "hf":
            return self._fetched()
        path = Path(self.where)
        try:
            path = path.expanduser()
        except RuntimeError as error:
            raise SetupError(f"{path}: names a home folder that is not there; give the path of a GGUF file: gguf:PATH") from error
        try:
            with path.open("rb") as file:
                head = file.read(4)
        except OSError as error:
            raise SetupError(f"{path}: cannot be read ({error.strerror}); give the path of a GGUF file: gguf:PATH") from error
        if head != b"GGUF":
            raise SetupError(f"{path}: is not a GGUF file; give one: gguf:PATH")
        return path

    def _fetched(self) -> Path:
        from huggingface_hub import hf_hub_download

        owner, repo, file = self.where.split("/", 2)
        try:
            return Path(hf_hub_download(f"{owner}/{repo}", file))
        except (OSError, ValueError) as error:
            said = without_user_info(masked(" ".join(str(error).split()), secrets_of_environment()))  # it may name a proxy
            raise SetupError(
                f"hf:{self.where} cannot be fetched ({type(error).__name__}: {said[:200]}); "
                "check the name and the network, or fetch the file yourself and give gguf:PATH"
            ) from error

    @property
    def _provider(self) -> str:
        return self.given.partition("/")[0]

    def _key(self) -> str:
        """The provider's key, without the line break that a file or a secret ends with; empty where none is set."""
        variable = KEYS.get(self._provider, f"{self._provider.upper()}_API_KEY")
        key = os.environ.get(variable, "").strip()
        if not key.isprintable():
            raise SetupError(f"{variable} holds a line break or another control character, which no key has; set it anew")
        if not key.isascii():
            raise SetupError(f"{variable} holds a character beyond ASCII, which no request can carry; set it anew")
        return key

    def _check_key(self) -> None:
        variable = KEYS.get(self._provider)
        if self.api_base is None and variable is not None and not self._key():
            raise SetupError(
                f"{self.given}: the API key is missing; set the environment variable {variable}, or name a server with --api-base, "
                "or another model with --lm"
            )

    def reaches(self, other: "str | dspy.BaseLM") -> str | None:
        """The address at which `other`, a second model of the same run, is reached: this one's, where both are of one provider."""
        return self.api_base if isinstance(other, str) and other.partition("/")[0] == self._provider else None

    def with_profile(self, **changes: Any) -> "LMSpec":
        """The same model, spoken to otherwise: fields of `Profile` that are not None replace the defaults."""
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, profile=replace(self.profile, **given))


def _base_variable(given: str) -> str | None:
    """The variable of the environment that leads DSPy from OpenAI's own address to another one, if one is set, in the order in which it is obeyed."""
    named = ("OPENAI_BASE_URL", "OPENAI_API_BASE") if given.startswith("openai/") else ()
    found = next(filter(os.environ.get, named), None)
    return found if found is not None and os.environ[found].strip().rstrip("/") != OPENAI else None


def _is_address(given: str) -> bool:
    try:
        parts = urlsplit(given)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # no label of it is empty or too long
    except ValueError:
        return False
    whole = given.isprintable() and " " not in given and not parts.netloc.endswith(":")
    return whole and parts.scheme in {"http", "https"} and host != "" and port != 0


def configured() -> "str | dspy.BaseLM":
    """The LM that DSPy is configured with; `embedded` where it has none."""
    dspy = sys.modules.get("dspy")  # which takes two seconds to import, and is configured only where somebody did
    return (dspy.settings.lm if dspy is not None else None) or "embedded"


def opened(
    given: "str | dspy.BaseLM", *, api_base: str | None = None, concurrency: int | None = None, timeout: float | None = None
) -> "MeteredLM":
    """The LM that a string or an LM object means, ready to be called: one of its own, whatever else uses the object.

    Parameters
    ----------
    given, api_base
        As `LMSpec.of` takes them.
    concurrency
        Requests in flight; by default what suits the LM.
    timeout
        Seconds that a server named by a string may take for one answer; by default what DSPy allows.

    Raises
    ------
    UsageError
        If it means none.
    SetupError
        If weights, a package or an API key are missing.
    """
    spec = LMSpec.of(given, api_base=api_base)
    if isinstance(given, str):
        served = {"timeout": timeout} if spec.kind == "hosted" and timeout is not None else {}
        return spec.open(concurrency=concurrency, **served)
    from seedless.lms.metered import metered

    led = isinstance(getattr(given, "engine", None), str) and _base_variable(spec.where) is not None
    base = LMSpec.parse(spec.where).api_base if led else None
    return metered(given, concurrency=concurrency or spec.profile.concurrency, base=base)

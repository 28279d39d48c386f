"""The errors a user can meet. Each message is one line with the numbers and the next step."""


class LongspanError(Exception):
    """Base of every error that longspan raises about a user's model, document, plan or prompt."""


class ModelNotFound(LongspanError):
    """No model under this name: not a folder, a GGUF file, a known short name, nor a reachable hub id."""


class CorruptModel(LongspanError):
    """The model's files are there but cannot be read as what they claim to be."""


class UnsupportedModel(LongspanError):
    """A model of a kind that longspan does not work with; names the family or format and the reason."""


class DocumentError(LongspanError):
    """A document that is missing, empty, binary, encrypted or without text."""


class ContextError(LongspanError):
    """A saved context that is missing, damaged, cannot be written, or is of another model, plan or format."""


class FolderIndexError(LongspanError):
    """An index of a folder that is missing, damaged, or cannot be written."""


class MemoryFileError(LongspanError):
    """A memory whose file is damaged, in use, cannot be written, or is of another format."""


class FormError(LongspanError, ValueError):
    """A form of answers that cannot be read, is too large to be followed, or is not held any more."""


class FlowError(LongspanError):
    """A flow that cannot go on: calls failed, notes do not become shorter, or it cannot look where it must."""


class WindowExceeded(LongspanError):
    """Prompt and output need more positions than the plan gives; says both numbers and what to change."""


class UnknownMethod(LongspanError, ValueError):
    """A plan names a part that is not registered; proposes the nearest names."""


class PlanError(LongspanError, ValueError):
    """A plan that cannot be read, or whose parts cannot work together or with this model."""


class SandboxError(LongspanError):
    """No sandbox for programs of a model runs here; says what is missing."""

"""What malformed input raises inside the engine; every `judge_*` function turns it into a verdict."""


class SigningInputError(ValueError):
    """Base of all errors that input can cause. The text names the structure and the fault, never its content."""


class DerError(SigningInputError):
    """The bytes are not the ASN.1 encoding that the structure demands (X.690)."""


class KeyFormError(SigningInputError):
    """A public key has an unsupported algorithm, a wrong length, or is no point of the curve."""


class SealFormError(SigningInputError):
    """A seal, sealed PDF or sealed OFD does not have the form that its standard demands."""

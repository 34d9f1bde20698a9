import type { UiError } from "../bindings/UiError";

/** What a call was refused with, whatever was thrown. */
export function asUiError(thrown: unknown): UiError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "happened" in thrown) {
    return thrown as UiError;
  }
  return {
    code: "internal",
    happened: thrown instanceof Error ? thrown.message : String(thrown),
    meaning: "",
    nextStep: "",
    retryable: false,
  };
}

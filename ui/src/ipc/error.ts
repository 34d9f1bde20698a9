import type { UiError } from "../bindings/UiError";

/** Converts anything that a call threw. */
export function asUiError(thrown: unknown): UiError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "happened" in thrown) {
    return thrown as UiError;
  }
  return {
    code: "internal",
    happened: { template: thrown instanceof Error ? thrown.message : String(thrown), parts: [] },
    meaning: "",
    nextStep: "",
    retryable: false,
  };
}

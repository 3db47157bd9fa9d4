/** Jobs of the deck worker and their results: the outline first, then the file. */
import type { Arranged, Request } from "./outline/arrange.ts"
import type { Outline } from "./outline/Outline.ts"
import type { Rendered, Rendering } from "./file/writeDeck.ts"

export type Job =
  | { readonly kind: "arrange"; readonly request: Request; readonly outline?: Outline; readonly font: string }
  | { readonly kind: "render"; readonly rendering: Rendering }

export type JobResult =
  | { readonly kind: "arranged"; readonly arranged: Arranged }
  | { readonly kind: "rendered"; readonly rendered: Rendered }
  | { readonly kind: "failed"; readonly message: string }

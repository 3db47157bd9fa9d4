/** What the deck worker is asked and what it answers: an outline first, then the file. */
import type { Arranged, Request } from "./outline/arrange.ts"
import type { Rendered, Rendering } from "./file/writeDeck.ts"

export type Job =
  | { readonly kind: "arrange"; readonly request: Request; readonly font: string }
  | { readonly kind: "render"; readonly rendering: Rendering }

export type Answer =
  | { readonly kind: "arranged"; readonly arranged: Arranged }
  | { readonly kind: "rendered"; readonly rendered: Rendered }
  | { readonly kind: "failed"; readonly message: string }

/** What the worker is asked and what it answers: the messages between `Readable` and `worker`. */

/** A page to be made readable. `charset` is what the server said. */
export interface PageJob {
  readonly kind: "page"
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly url: string
  readonly charset?: string | undefined
}

/** Whether a `robots.txt` lets `agent` have `url`. */
export interface RobotsJob {
  readonly kind: "robots"
  readonly text: string
  readonly url: string
  readonly agent: string
}

export type Job = PageJob | RobotsJob

/** `text` first, as soon as it is there; `article` when there is one; `end` last. */
export type Answer =
  | { readonly kind: "text"; readonly title: string; readonly text: string }
  | { readonly kind: "article"; readonly title: string; readonly text: string }
  | { readonly kind: "allowed"; readonly allowed: boolean }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "end" }

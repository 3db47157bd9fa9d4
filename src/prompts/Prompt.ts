/** What a prompt is: its arguments, and the template that they go into. */
import { Schema, SchemaTransformation } from "effect"
import type { Issue } from "../catalog/CatalogError.ts"
import type { Icon } from "../domain/Content.ts"
import { lazy } from "../domain/lazy.ts"

export type Value = string | number
export type Values = Readonly<Record<string, Value | undefined>>

export interface Argument {
  readonly description: string
  /** Decodes what an MCP client says, which is always text, and what a configuration says. */
  readonly schema: () => Schema.Codec<Value, unknown>
  /** Taken where nobody says anything. */
  readonly initial?: Value
  /** Without it there is nothing to prompt for. */
  readonly required?: boolean
  /** Values to offer. */
  readonly offers?: ReadonlyArray<string>
}

export interface Prompt {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly icons: ReadonlyArray<Icon>
  readonly template: string
  /** Besides these, every prompt has `client_id`. */
  readonly arguments: Readonly<Record<string, Argument>>
  /** What is wrong with values that are right one by one. */
  readonly together?: (values: Values) => Issue | undefined
  /** What its template is tried with. */
  readonly examples: ReadonlyArray<Values>
}

/** The argument that chooses whose variables hold. */
export const clientId = "client_id"

type About<A> = Partial<Pick<Argument, "required" | "offers">> & { readonly initial?: A }

/** Text of at most `most` characters. */
export const text = (description: string, most: number, about: About<string> = {}): Argument => ({
  description,
  schema: lazy(() =>
    Schema.String.check(
      Schema.isPattern(/\S/, { expected: "some text" }),
      Schema.isMaxLength(most, { expected: `a value of at most ${most} characters` })
    )
  ),
  ...about
})

/** A whole number, also where it is written as text. */
export const count = (
  description: string,
  { maximum, minimum }: { readonly minimum: number; readonly maximum: number },
  about: About<number> = {}
): Argument => {
  const expected = `a whole number between ${minimum} and ${maximum}`
  return {
    description,
    schema: lazy(() => {
      const number = Schema.Int.check(Schema.isBetween({ minimum, maximum }, { expected }))
      const written = Schema.String.check(Schema.isPattern(/^\s*\d{1,9}\s*$/, { expected }))
      const read = SchemaTransformation.transform({ decode: Number, encode: String })
      return Schema.Union([number, written.pipe(Schema.decodeTo(number, read))]).annotate({ expected })
    }),
    offers: Array.from({ length: maximum - minimum + 1 }, (_, index) => String(minimum + index)),
    ...about
  }
}

/** A picture for lists, drawn with lines in a square of 24. */
export const icon = (path: string): Icon => ({
  src: `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#6b7280" stroke-width="2" stroke-linecap="round"><path d="${path}"/></svg>`
  )}`,
  mimeType: "image/svg+xml",
  sizes: ["any"]
})

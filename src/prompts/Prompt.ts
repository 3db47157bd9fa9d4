/** Definition of a prompt: arguments, template and examples. */
import { Schema, SchemaTransformation } from "effect"
import type { Issue } from "../catalog/CatalogError.ts"
import type { Icon } from "../domain/Content.ts"
import { lazy } from "../domain/lazy.ts"

export type Value = string | number
export type Values = Readonly<Record<string, Value | undefined>>

export interface Argument {
  readonly description: string
  /** Decodes values of MCP clients (always text) and of the configuration. */
  readonly schema: () => Schema.Codec<Value, unknown>
  /** Default value. */
  readonly initial?: Value
  /** Rendering fails without a value from the caller or the configuration. */
  readonly required?: boolean
  /** Completion values. */
  readonly offers?: ReadonlyArray<string>
}

export interface Prompt {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly icons: ReadonlyArray<Icon>
  readonly template: string
  /** In addition, every prompt has the argument `client_id`. */
  readonly arguments: Readonly<Record<string, Argument>>
  /** Checks values against each other; each one is already valid. */
  readonly together?: (values: Values) => Issue | undefined
  /** Variables to render the template with when templates are checked. */
  readonly examples: ReadonlyArray<Values>
}

/** The argument that selects the client whose variables are used. */
export const clientId = "client_id"

type About<A> = Partial<Pick<Argument, "required" | "offers">> & { readonly initial?: A }

/** Text of at most `maxLength` characters. */
export const text = (description: string, maxLength: number, about: About<string> = {}): Argument => ({
  description,
  schema: lazy(() =>
    Schema.String.check(
      Schema.isPattern(/\S/, { expected: "some text" }),
      Schema.isMaxLength(maxLength, { expected: `a value of at most ${maxLength} characters` })
    )
  ),
  ...about
})

/** A whole number, as a number or as text. */
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

/** An SVG icon from a path in a 24×24 view box. */
export const icon = (path: string): Icon => ({
  src: `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#6b7280" stroke-width="2" stroke-linecap="round"><path d="${path}"/></svg>`
  )}`,
  mimeType: "image/svg+xml",
  sizes: ["any"]
})

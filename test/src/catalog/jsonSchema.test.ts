/** JSON Schema for clients: named, recursive and union schemas. */
import { expect, test } from "bun:test"
import { Schema } from "effect"
import { jsonSchema } from "../../../src/catalog/jsonSchema.ts"

class Point extends Schema.Class<Point>("Point")({ x: Schema.Finite }) {}

test("a named schema is an object at its root with its named parts inlined", () => {
  const Line = Schema.Struct({ from: Point, to: Point }).annotate({ identifier: "Line" })
  const point = {
    type: "object",
    properties: { x: { type: "number" } },
    required: ["x"],
    additionalProperties: true
  }
  expect(jsonSchema(Line)).toEqual({
    type: "object",
    properties: { from: point, to: point },
    required: ["from", "to"],
    additionalProperties: true
  })
})

test("a recursive schema is an object at its root with its definition in $defs", () => {
  interface Tree {
    readonly children: ReadonlyArray<Tree>
  }
  const Tree = Schema.Struct({ children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)) })
  const { $defs, ...root } = jsonSchema(Tree)
  const [definition] = Object.values($defs as Record<string, object>)
  expect(root.type).toBe("object")
  expect(definition).toEqual(root)
})

test("a union of one member is replaced by that member at any depth", () => {
  const One = Schema.Literals(["PPT"]).annotate({ description: "What to make." })
  const Two = Schema.Union([Schema.String, Schema.Finite])
  const schema = Schema.Struct({
    kind: One,
    list: Schema.Array(One),
    either: Two,
    anyOf: Schema.Literals(["x"])
  })
  const one = { type: "string", enum: ["PPT"], description: "What to make." }
  expect(jsonSchema(schema).properties).toEqual({
    kind: one,
    list: { type: "array", items: one },
    either: { anyOf: [{ type: "string" }, { type: "number" }] },
    anyOf: { type: "string", enum: ["x"] }
  })
})

/** The message of every error of the catalog: the one place that matches whole sentences. */
import { expect, test } from "bun:test"
import {
  Failed,
  InvalidArguments,
  InvalidCursor,
  NameTaken,
  NotFound,
  TooManySubscriptions
} from "../../../src/catalog/CatalogError.ts"

const issues = [
  { path: "", message: "expected a JSON object" },
  { path: "a.b", message: "required, but missing" }
]

const messages = [
  [new NotFound({ kind: "tool", name: "nope" }), "Unknown tool: nope"],
  [
    new NameTaken({ kind: "tool", name: "echo", holder: "manifold" }),
    "The tool name echo is already used by manifold. Rename one of the two."
  ],
  [
    new InvalidArguments({ name: "echo", issues }),
    "Invalid arguments for echo: expected a JSON object; a.b: required, but missing"
  ],
  [new Failed({ name: "echo", detail: "No such city." }), "No such city."],
  [new InvalidCursor({ cursor: "x" }), "Invalid cursor: x. Start again without a cursor."],
  [new TooManySubscriptions({ max: 8 }), "Subscription limit reached (8). Unsubscribe from a resource first."]
] as const

for (const [error, message] of messages) {
  test(`${error._tag} has the message: ${message}`, () => expect(error.message).toBe(message))
}

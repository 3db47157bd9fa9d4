/** An MCP server with one tool: `bun greeter.ts` serves stdio, `bun greeter.ts --http` serves http://127.0.0.1:8000/mcp. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { serve, toolset } from "manifold"

const Greet = Tool.make("greet", {
  description: "Greet a person.",
  parameters: Schema.Struct({ name: Schema.NonEmptyString }),
  success: Schema.Struct({ greeting: Schema.String })
})
const toolkit = Toolkit.make(Greet)
const layer = toolkit.toLayer({
  greet: ({ name }) => Effect.succeed({ greeting: `Hello ${name}` })
})

serve({
  name: "greeter",
  version: "1.0.0",
  tools: [toolset({ toolkit, layer })],
  http: process.argv.includes("--http")
})

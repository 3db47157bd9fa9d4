/** Draws `docs/first-light.svg`, `docs/usage.svg` and `docs/chat.svg`: runs commands and shows what they printed, as a terminal would. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Shown, terminalSvg } from "./terminalSvg.ts"

const root = new URL("../../", import.meta.url).pathname
/** What the picture shows; the run itself takes any free port. */
const shownUrl = "http://127.0.0.1:8000"

const home = await mkdtemp(join(tmpdir(), "manifold-picture-"))
const env = { ...process.env, HOME: home, XDG_STATE_HOME: join(home, "state") }

const bash = async (script: string): Promise<ReadonlyArray<string>> => {
  const prelude = `manifold() { "${process.execPath}" "${root}src/main.ts" "$@"; }`
  const child = Bun.spawn(["bash", "-c", `${prelude}\n${script}`], {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore"
  })
  return (await child.stdout.text()).trimEnd().split("\n")
}

const shown = async (command: string, script = command): Promise<Shown> => ({
  command,
  lines: await bash(script)
})

const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "curl", version: "8" },
  "io.modelcontextprotocol/clientCapabilities": {}
}
const call = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "math.add", arguments: { a: 2, b: 3 }, _meta: meta }
}
const curl = (
  url: string
) => `curl -s ${url}/mcp -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
  -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/call' -H 'Mcp-Name: math.add' -d '${JSON.stringify(call)}'`
const deck = {
  client_name: "Acme",
  project_name: "Q3",
  source_content_type: "text",
  source_content_details: [
    "Revenue grew in every quarter",
    "Q1: 12",
    "Q2: 14",
    "Q3: 19",
    "Churn fell by a third",
    "Two plants went solar"
  ],
  target_content_type: "PPT",
  number_of_slides: 5,
  content_brief: "What the third quarter changed"
}

const serving = Bun.spawn([process.execPath, `${root}src/main.ts`, "serve", "--http"], {
  cwd: home,
  env: { ...env, PORT: "0" },
  stdin: "ignore",
  stdout: "ignore",
  stderr: "pipe"
})
const [said] = (await new Response(serving.stderr.pipeThrough(firstChunk())).text()).split("\n")
const url = /http:\S+(?=\/mcp)/.exec(said ?? "")?.[0] ?? ""

/** Ends the stream after its first chunk. */
function firstChunk() {
  return new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      controller.enqueue(chunk)
      controller.terminate()
    }
  })
}

await Bun.write(join(home, "deck.json"), JSON.stringify(deck))
const screen: ReadonlyArray<Shown> = [
  await shown("manifold list tools"),
  await shown("manifold call math.add --arg a=2 --arg b=3"),
  await shown("manifold call content.create deck.json | head -4"),
  { command: "manifold serve --http &", lines: [said ?? ""] },
  await shown(
    "curl -s $MCP -H 'Mcp-Method: tools/call' … | jq .result.structuredContent   # 2026-07-28, no session",
    `${curl(url)} | grep -o '"structuredContent":{[^}]*}' | cut -d: -f2-`
  ),
  await shown(`curl -s ${shownUrl}/health`, `curl -s ${url}/health`)
]
serving.kill()
await serving.exited
await rm(home, { recursive: true, force: true })

const plain = (line: string) =>
  line.replaceAll(join(home, "state"), "~/.local/state").replaceAll(home, "~").replaceAll(url, shownUrl)
await Bun.write(`${root}docs/first-light.svg`, terminalSvg(screen, "manifold in a terminal", plain))
await import("./usagePicture.ts")
await import("./chatPicture.ts")

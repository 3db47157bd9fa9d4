/** Runs a server that needs a port, written as PORT in its command, and prints its URL like the others when it answers. */
import { setTimeout } from "node:timers/promises"

const reserved = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
const { port } = reserved
await reserved.stop(true)

const child = Bun.spawn(
  process.argv.slice(2).map((part) => part.replace("PORT", String(port))),
  { stdin: "ignore", stdout: "ignore", stderr: "ignore" }
)
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal))
void child.exited.then((code) => process.exit(code))

const origin = `http://127.0.0.1:${port}`
for (;;) {
  const answered = await fetch(origin).then(
    () => true,
    () => false
  )
  if (answered) break
  await setTimeout(50)
}
console.error(`listening at ${origin}`)
await child.exited

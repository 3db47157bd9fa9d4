/** `bun run bench [--quick] [--json FILE] [ROW…]`: compares manifold with the peers in one run, as a table. */
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { rows } from "./rows/index.ts"
import type { Line } from "./support/Row.ts"
import { generator } from "./support/load.ts"
import { data, table } from "./support/table.ts"

const usage = `bun run bench [--quick] [--json FILE] [ROW…]

  --quick      two short rounds instead of five
  --json FILE  write the figures to FILE as well
  ROW          a part of a row's name; all rows without one: ${rows.map(({ name }) => `"${name}"`).join(", ")}`

const options = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "string" },
        help: { type: "boolean", default: false }
      }
    })
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return process.exit(2)
  }
}

const { positionals, values } = options()
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const unknown = positionals.filter((part) => !rows.some(({ name }) => name.includes(part)))
if (unknown.length > 0) {
  console.error(`No row is called ${unknown.join(" or ")}.\n\n${usage}`)
  process.exit(2)
}
const chosen = rows.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part))
)

// The peers are not dependencies of the product. A missing peer fails to start, which its cells show.
const install = Bun.spawn([process.execPath, "install", "--frozen-lockfile", "--silent"], {
  cwd: import.meta.dir,
  stdout: "ignore",
  stderr: "inherit",
  timeout: 120_000
})
if ((await install.exited) !== 0) console.error("Some peers could not be installed.")

const { quick } = values
const effort = { quick, rounds: quick ? 2 : 5 }
const lines: Array<Line> = []
for (const row of chosen) {
  console.error(`${row.name} …`)
  for await (const line of row.run(effort)) lines.push(line)
}

const machine = {
  runtime: `Bun ${Bun.version}`,
  platform: `${process.platform} ${process.arch}`,
  cores: availableParallelism(),
  load: generator,
  ...effort
}
console.log(
  `${table(lines)}\n\nmin / median / max; ${machine.runtime}, ${machine.platform}, ${machine.cores} cores, load by ${machine.load}`
)
if (values.json !== undefined) {
  await Bun.write(values.json, `${JSON.stringify({ machine, lines: data(lines) }, null, 2)}\n`)
}
process.exit(lines.some(({ oursFailed }) => oursFailed !== undefined) ? 1 : 0)

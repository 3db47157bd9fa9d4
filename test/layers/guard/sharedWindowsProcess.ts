/** Counts calls in shared memory: `bun sharedWindowsProcess.ts FILE CALLS MAX`; prints how many passed. */
import * as sharedFixedWindows from "../../../layers/guard/sharedFixedWindows.ts"

const [file = "", calls = "0", max = "0"] = process.argv.slice(2)
const { take } = sharedFixedWindows.make(file, 7)
const limits = ["principal", "total"].map((key) => ({ name: key, key, max: Number(max), window: 3_600_000 }))
let passed = 0
for (let call = 0; call < Number(calls); call++) if (typeof take(limits, 1000) === "number") passed++
process.stdout.write(`${passed}`)

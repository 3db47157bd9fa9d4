/** The server of `greeter.ts` as a process: `bun test/support/greeterProcess.ts [options as JSON]`. */
import { serve } from "../../src/index.ts"
import { haiku, identity, motto, tools } from "./greeter.ts"

const options = JSON.parse(Bun.argv[2] ?? "{}") as object

serve({ ...identity, tools: [tools], prompts: [haiku], resources: [motto], ...options })

/** The list of checks of `manifold doctor`, in the order of its output. */
import type { Effect } from "effect"
import type { Check } from "./Check.ts"
import { certificate } from "./certificate.ts"
import { edgeCertificates } from "./edgeCertificates.ts"
import { edgePorts } from "./edgePorts.ts"
import { clientFiles } from "./clientFiles.ts"
import { clock } from "./clock.ts"
import { configuration } from "./configuration.ts"
import { localCa } from "./localCa.ts"
import { oauthKeys } from "./oauthKeys.ts"
import { port } from "./port.ts"
import { prompts } from "./prompts.ts"
import { providerKeys } from "./providerKeys.ts"
import { redis } from "./redis.ts"
import { runtime } from "./runtime.ts"
import { selfTest } from "./selfTest.ts"
import { storage } from "./storage.ts"
import { tokens } from "./tokens.ts"
import { upstreams } from "./upstreams.ts"

const list = [
  runtime, // keep one line each
  configuration,
  port,
  edgePorts,
  certificate,
  edgeCertificates,
  localCa,
  storage,
  redis,
  tokens,
  oauthKeys,
  clock,
  prompts,
  providerKeys,
  upstreams,
  selfTest,
  clientFiles
]

export const checks: ReadonlyArray<Check<Effect.Services<(typeof list)[number]["run"]>>> = list

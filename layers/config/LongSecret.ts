/** A secret of the configuration that several instances share. */
import { Redacted, Schema } from "effect"
import { Secret } from "./Secret.ts"

/** At least 32 characters. `noun`: the name of the secret in messages, with its article. */
export const LongSecret = (noun: string) =>
  Secret.check(
    Schema.makeFilter(
      (secret) =>
        Redacted.value(secret).length >= 32 ||
        `${noun} needs at least 32 characters; generate one with \`openssl rand -hex 32\``
    )
  )

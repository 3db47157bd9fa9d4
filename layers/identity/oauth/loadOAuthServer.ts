/** Loads the OAuth server, without the warning of oidc-provider that it runs on Bun. */

/* oxlint-disable no-console -- the library writes its warning there */

const expected = "oidc-provider WARNING: Unsupported runtime"

export const loadOAuthServer = async () => {
  const { warn } = console
  console.warn = (...given: ReadonlyArray<unknown>) => {
    if (!String(given[0]).includes(expected)) warn(...given)
  }
  try {
    return await import("./OAuthServer.ts")
  } finally {
    console.warn = warn
  }
}

/** Client id metadata documents of the OAuth server: a valid one leads to sign-in, and a hostile one to an error without a redirect. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { certificateFiles, machine, possible } from "../support/certificate.ts"
import { it } from "../support/effect.ts"
import { sqlite } from "../support/databases.ts"
import { servingProcess } from "../support/servingProcess.ts"

const redirect_uri = "https://client.example/callback"
const publicUrl = "http://127.0.0.1:9"

/** The document of a client with that id. */
const documentOf = (client_id: string, more: Readonly<Record<string, unknown>> = {}) => ({
  client_id,
  client_name: "Documented",
  redirect_uris: [redirect_uri],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: "none",
  ...more
})

const hostile: Readonly<Record<string, (id: string) => Response>> = {
  redirect: (id) => Response.redirect(id.replace("/redirect", "/valid")),
  large: (id) => Response.json(documentOf(id, { client_name: "n".repeat(10_000_000) })),
  other: () => Response.json(documentOf("https://client.example/id")),
  script: (id) => Response.json(documentOf(id, { redirect_uris: ["javascript:alert(1)"] })),
  plain: (id) => Response.json(documentOf(id, { redirect_uris: ["http://client.example/callback"] })),
  secret: (id) => Response.json(documentOf(id, { token_endpoint_auth_method: "client_secret_basic" })),
  html: () => new Response("<html>", { headers: { "content-type": "text/html" } }),
  broken: () => new Response("{", { headers: { "content-type": "application/json" } }),
  absent: () => new Response(null, { status: 404 })
}

const authorize = (url: URL, client_id: string) =>
  Effect.promise(async () => {
    const to = new URL("/oauth/authorize", url)
    to.search = new URLSearchParams({
      client_id,
      redirect_uri,
      response_type: "code",
      scope: "mcp:read",
      state: "s",
      code_challenge: "c".repeat(43),
      code_challenge_method: "S256",
      resource: `${publicUrl}/mcp`
    }).toString()
    const response = await fetch(to, { redirect: "manual", headers: { accept: "text/html" } })
    return {
      status: response.status,
      location: response.headers.get("location"),
      text: await response.text()
    }
  })

const itCertified = possible
  ? it.live
  : (name: string) => test.skip(`${name} (skipped: needs openssl)`, () => {})

itCertified(
  "a client document is read; a redirect, 10 MB, another id and unsafe addresses are rejected",
  () =>
    Effect.gen(function* () {
      const { cert_file, key_file } = yield* certificateFiles()
      const requested: Array<string> = []
      const documents = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.serve({
            port: 0,
            hostname: "127.0.0.1",
            tls: { cert: Bun.file(cert_file), key: Bun.file(key_file) },
            fetch: (request) => {
              const { host, pathname } = new URL(request.url)
              const id = `https://${host}${pathname}`
              requested.push(pathname)
              return hostile[pathname.slice(1)]?.(id) ?? Response.json(documentOf(id))
            }
          })
        ),
        (server) => Effect.promise(() => server.stop(true))
      )
      const host = `127.0.0.1:${documents.port}`
      const storage = yield* sqlite
      const { url } = yield* servingProcess({
        config: {
          storage,
          server: { public_url: publicUrl },
          outbound: { allow_hosts: [host] }
        },
        env: { NODE_EXTRA_CA_CERTS: cert_file }
      })
      const valid = yield* authorize(url, `https://${host}/valid`)
      expect(valid).toMatchObject({ status: 303, location: expect.stringContaining("/oauth/interaction/") })
      for (const name of Object.keys(hostile)) {
        const { location, status, text } = yield* authorize(url, `https://${host}/${name}`)
        expect([name, status, location]).toEqual([name, 400, null])
        expect(text).not.toContain("javascript:")
      }
      // Once: the redirect to it was not followed.
      expect(requested.filter((path) => path === "/valid")).toHaveLength(1)
      expect(new Set(requested).size).toBe(Object.keys(hostile).length + 1)
    }).pipe(Effect.provide(machine))
)

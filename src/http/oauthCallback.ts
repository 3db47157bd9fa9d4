/** `/callback`: where users come back from a sign-in at an upstream server; and the client id metadata document. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { isLoopback } from "../../layers/http/hosts.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { json } from "../../layers/http/responses.ts"
import { Routes } from "../../layers/http/Routes.ts"
import * as http from "../../layers/http/section.ts"
import { callbackPath, callbackRoute } from "../../layers/upstream/oauth/callbackRoute.ts"
import { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import { Identity } from "../domain/Identity.ts"
import { rejectMethod } from "./requireReader.ts"

/** Its URL is the client id (draft-ietf-oauth-client-id-metadata-document). */
const metadataPath = "/oauth/client.json"

/** A public URL with a path belongs to a proxy that removes the path. */
const below = (publicUrl: string, path: string) => publicUrl.replace(/\/$/, "") + path

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const { finish } = yield* SignIns
    const { name } = yield* Identity
    const { public_url } = yield* (yield* ConfigSource).read(http.section)
    yield* routes.add(callbackRoute(finish))
    if (public_url === undefined) return
    const document = {
      client_id: below(public_url, metadataPath),
      client_name: name,
      redirect_uris: [below(public_url, callbackPath)],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: "web"
    }
    yield* routes.add({
      paths: [metadataPath],
      fetch: (request) => rejectMethod(request) ?? json(200, document)
    })
  })
)

const publicPlace = (publicUrl: string) => ({
  redirectUrl: below(publicUrl, callbackPath),
  ...(publicUrl.startsWith("https:") && { clientMetadataUrl: below(publicUrl, metadataPath) })
})

/** Sign-ins use the callback of `server.public_url`, if there is one. For a listener whose address is not known. */
export const servedPublicly = Layer.effectDiscard(
  Effect.gen(function* () {
    const { serveAt } = yield* SignIns
    const { public_url } = yield* (yield* ConfigSource).read(http.section)
    if (public_url !== undefined) yield* serveAt(publicPlace(public_url))
  })
)

/** Sign-ins use this callback while the service listens, if browsers can reach it. */
export const served = Layer.effectDiscard(
  Effect.gen(function* () {
    const { hostname, port, url } = yield* Listener
    const { serveAt } = yield* SignIns
    const { public_url, tls } = yield* (yield* ConfigSource).read(http.section)
    if (public_url !== undefined) return yield* serveAt(publicPlace(public_url))
    if (!isLoopback(hostname)) return yield* serveAt("unreachable")
    // RFC 8252, section 8.3: the address rather than `localhost`, unless a certificate has the name.
    const base = tls === undefined && hostname !== "::1" ? `http://127.0.0.1:${port}` : url
    yield* serveAt({ redirectUrl: below(base, callbackPath) })
  })
)

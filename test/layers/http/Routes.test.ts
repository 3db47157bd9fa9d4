/** Routes are added and removed with the scope of the layer that contributes them. */
import { expect } from "bun:test"
import { Effect, Exit, Scope } from "effect"
import { type Route, Routes } from "../../../layers/http/Routes.ts"
import { it } from "../../support/effect.ts"

const route = (...paths: ReadonlyArray<string>): Route => ({ paths, fetch: () => new Response() })

it.effect("a request matches the exact path, else the longest prefix", () =>
  Effect.gen(function* () {
    const routes = yield* Routes
    const [mcp, docs, deep, rest] = [
      route("/mcp", "/mcp/"),
      route("/docs/*"),
      route("/docs/api/*"),
      route("/*")
    ]
    for (const each of [mcp, docs, deep]) yield* routes.add(each)
    const found = (path: string) => routes.findUnsafe(path)?.paths
    expect(found("/mcp")).toEqual(mcp.paths)
    expect(found("/mcp/")).toEqual(mcp.paths)
    expect(found("/mcp/x")).toBeUndefined()
    expect(found("/docs")).toBeUndefined()
    expect(found("/docs/")).toEqual(docs.paths)
    expect(found("/docs/api/x")).toEqual(deep.paths)
    yield* routes.add(rest)
    expect(found("/mcp")).toEqual(mcp.paths)
    expect(found("/else")).toEqual(rest.paths)
  }).pipe(Effect.provide(Routes.layer))
)

it.effect("a taken path is an error with the path and adds none of the routes", () =>
  Effect.gen(function* () {
    const routes = yield* Routes
    yield* routes.add(route("/a", "/b/*"))
    for (const [claim, path] of [
      [route("/new", "/a"), "/a"],
      [route("/new", "/b/*"), "/b/*"],
      [route("/new", "/new"), "/new"]
    ] as const) {
      const error = yield* Effect.flip(routes.add(claim))
      expect(error.path).toBe(path)
      expect(error.message).toContain(path)
      expect(routes.findUnsafe("/new")).toBeUndefined()
    }
    expect(yield* routes.all).toHaveLength(1)
  }).pipe(Effect.provide(Routes.layer))
)

it.effect("closing the scope removes its routes and frees their paths", () =>
  Effect.gen(function* () {
    const routes = yield* Routes
    const scope = yield* Scope.make()
    yield* Scope.provide(routes.add(route("/a", "/b/*")), scope)
    expect(routes.findUnsafe("/b/c")).toBeDefined()
    yield* Scope.close(scope, Exit.void)
    expect(routes.findUnsafe("/a")).toBeUndefined()
    expect(routes.findUnsafe("/b/c")).toBeUndefined()
    expect(yield* routes.all).toEqual([])
    yield* routes.add(route("/a", "/b/*"))
    expect(routes.findUnsafe("/a")).toBeDefined()
  }).pipe(Effect.provide(Routes.layer))
)

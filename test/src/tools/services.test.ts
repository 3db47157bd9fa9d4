/** `list_services`: containers of a real Podman where there is one, of a hostile engine, and clear errors without an engine. */
import { describe, expect, test } from "bun:test"
import { chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { bearer } from "../../support/rest.ts"
import { endpoint, post, readJson, service, stateless } from "../../support/service.ts"

const admin = "admin-0123456789abcdef0123456789abcdef"
const user = "user-0123456789abcdef0123456789abcdef0"
const auth = {
  tokens: [
    { name: "admin", token: admin, scopes: ["read", "call", "admin"] },
    { name: "user", token: user }
  ]
}

interface Answer {
  readonly error?: { readonly message: string }
  readonly result?: {
    readonly isError?: boolean
    readonly content: ReadonlyArray<{ readonly text: string }>
    readonly structuredContent?: {
      readonly total: number
      readonly services: ReadonlyArray<Readonly<Record<string, unknown>>>
    }
  }
}

const call = (args: unknown = {}, token = admin) =>
  Effect.flatMap(endpoint, (url) => {
    const message = stateless(1, "tools/call", { name: "list_services", arguments: args })
    return Effect.flatMap(post(url, message.body, { ...message.headers, ...bearer(token) }), readJson)
  }).pipe(Effect.map((answer) => answer as Answer))

const services = (args: unknown = {}) =>
  Effect.map(call(args), ({ result }) => {
    if (result?.structuredContent === undefined) throw new Error(JSON.stringify(result))
    return result.structuredContent
  })

const problem = (token = admin) =>
  Effect.map(call({}, token), ({ error, result }) => error?.message ?? result?.content[0]?.text ?? "")

const within = <A, E, R>(socket: string, body: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Layer.build(service({ auth, containers: { socket } })), (context) =>
    Effect.provideContext(body, context)
  )

/** An engine that responds with this; Docker and Podman are not ours. */
const engine = (respond: (request: Request) => Response | Promise<Response>) =>
  Effect.gen(function* () {
    const socket = join(yield* stateFolder, "engine.sock")
    yield* Effect.acquireRelease(
      Effect.sync(() => Bun.serve({ unix: socket, fetch: respond })),
      (server) => Effect.promise(() => server.stop(true))
    )
    return socket
  })

/** As Docker 29 responds, shortened. */
const listed = [
  {
    Id: "21d7581544f1df4e15ed938bea4f90e5114d963739ad0cb38ff4916ed996a2dd",
    Names: ["/shop-web-1"],
    Image: "ghcr.io/shop/web:1.2",
    Command: "serve --password hunter22",
    Created: 1795709541,
    Ports: [
      { IP: "127.0.0.1", PrivatePort: 80, PublicPort: 8081, Type: "tcp" },
      { IP: "::1", PrivatePort: 80, PublicPort: 8081, Type: "tcp" },
      { PrivatePort: 9000, Type: "udp" }
    ],
    Labels: {
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      token: "hunter22"
    },
    State: "running",
    Status: "Up 2 hours (healthy)"
  },
  { Id: "aa", Names: null, Image: "x".repeat(5000), Created: 1e300, Labels: null, Ports: null }
]

describe("list_services", () => {
  it.live("lists containers without their labels, variables and commands", () =>
    Effect.gen(function* () {
      const paths: Array<string> = []
      const socket = yield* engine(({ url }) => {
        paths.push(url.replace("http://localhost", ""))
        return Response.json(listed)
      })
      yield* within(
        socket,
        Effect.gen(function* () {
          const found = yield* services()
          expect(found.total).toBe(2)
          expect(found.services[1]).toEqual({
            id: "21d7581544f1",
            name: "shop-web-1",
            image: "ghcr.io/shop/web:1.2",
            state: "running",
            status: "Up 2 hours (healthy)",
            created_at: "2026-11-26T16:12:21.000Z",
            ports: ["127.0.0.1:8081->80/tcp", "[::1]:8081->80/tcp", "9000/udp"],
            project: "shop",
            service: "web"
          })
          expect(found.services[0]).toMatchObject({ id: "aa", name: "", created_at: null, ports: [] })
          expect(String(found.services[0]?.["image"])).toHaveLength(256)
          expect(JSON.stringify(found)).not.toContain("hunter22")
          expect(yield* services({ name: "shop", running: true, limit: 1 })).toMatchObject({ total: 1 })
          expect(yield* services({ name: "../../x?force" })).toEqual({ total: 0, services: [] })
          expect(paths).toEqual(["true", "false", "true"].map((all) => `/containers/json?all=${all}`))
        })
      )
    })
  )

  it.live("survives an engine that responds with anything else", () =>
    Effect.gen(function* () {
      const responses = {
        "an error": () => new Response("no /secret/path", { status: 500 }),
        "no JSON": () => new Response("<html>"),
        "another JSON": () => Response.json([{ Id: 1 }]),
        "a redirect": () => Response.redirect("http://127.0.0.1:1/"),
        "too much": () => new Response(new Uint8Array(17 * 1024 * 1024)),
        nothing: () => new Promise<Response>(() => {})
      }
      yield* Effect.forEach(
        Object.entries(responses),
        Effect.fnUntraced(function* ([name, respond]) {
          const message = yield* within(yield* engine(respond), problem())
          expect({ name, message }).toEqual({ name, message: expect.stringContaining("did not respond") })
          expect(message).not.toContain("/secret")
        }),
        { concurrency: "unbounded" }
      )
    })
  )

  it.live("says what to do without an engine, and shows no path", () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      yield* within(
        join(dir, "no.sock"),
        Effect.gen(function* () {
          const message = yield* problem()
          expect(message).toContain("is not running. Start it")
          expect(message).not.toContain(dir)
          expect(yield* problem(user)).toContain("list_services")
        })
      )
      const file = join(dir, "file")
      yield* Effect.promise(() => writeFile(file, ""))
      yield* Effect.promise(() => chmod(file, 0))
      yield* within(
        file,
        Effect.gen(function* () {
          expect(yield* problem()).toMatch(/not running|may not use|did not respond/)
        })
      )
    })
  )
})

const podman = Bun.which("podman")
/** In CI, which installs it, a missing Podman is a failure. */
const isSkipped = podman === null && !process.env["CI"]

/**
 * Podman's own settings. Containers here are created, not started. Users other than root have no cgroups, which only
 * crun allows; runc, which may be the only runtime, refuses to go without them.
 */
const cgroups = process.getuid?.() === 0 ? "" : `[containers]\ncgroups="disabled"\n`
const settings = `${cgroups}[engine]\ncgroup_manager="cgroupfs"\nevents_logger="file"\n`

test.skipIf(isSkipped)(
  "list_services lists the containers of Podman",
  () =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      yield* Effect.promise(() => writeFile(join(dir, "containers.conf"), settings))
      const options = ["--root", join(dir, "root"), "--runroot", join(dir, "run"), "--storage-driver", "vfs"]
      const env = { ...process.env, CONTAINERS_CONF: join(dir, "containers.conf"), XDG_RUNTIME_DIR: dir }
      const run = (...args: ReadonlyArray<string>) =>
        Effect.promise(
          () =>
            Bun.spawn([podman ?? "", ...options, ...args], {
              env,
              stdin: "ignore",
              stdout: "pipe",
              stderr: "pipe"
            }).exited
        )
      // Without root, Podman leaves a process that holds its user namespace.
      if (process.getuid?.() !== 0) yield* Effect.addFinalizer(() => run("system", "migrate"))
      yield* Effect.promise(() => writeFile(join(dir, "hello"), "#!/hello\n"))
      yield* Effect.promise(
        () =>
          Bun.spawn(["tar", "-C", dir, "--owner=0", "--group=0", "-cf", join(dir, "image.tar"), "hello"], {
            stdin: "ignore"
          }).exited
      )
      expect(yield* run("import", join(dir, "image.tar"), "localhost/hello:1")).toBe(0)
      const create = run(
        "create",
        "--pull=never",
        "--name",
        "web1",
        "-p",
        "127.0.0.1:8081:80",
        "localhost/hello:1",
        "/hello"
      )
      expect(yield* create).toBe(0)
      const socket = join(dir, "podman.sock")
      const server = Bun.spawn(
        [podman ?? "", ...options, "system", "service", "--time=0", `unix://${socket}`],
        { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" }
      )
      yield* Effect.addFinalizer(() =>
        Effect.promise(() => {
          server.kill()
          return server.exited
        })
      )
      const found = yield* within(
        socket,
        Effect.repeat(call(), { until: ({ result }) => result?.structuredContent !== undefined })
      )
      expect(found.result?.structuredContent).toMatchObject({
        total: 1,
        services: [
          { name: "web1", image: "localhost/hello:1", state: "created", ports: ["127.0.0.1:8081->80/tcp"] }
        ]
      })
    }).pipe(Effect.scoped, Effect.runPromise),
  60_000
)

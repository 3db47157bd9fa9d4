/** Pages of the OAuth server: sign-in and consent, for keyboards and screen readers, without scripts. */
import { fromOAuth, toOAuth } from "../../../src/domain/scopes.ts"
import { escaped, htmlPage } from "../../http/htmlPage.ts"
import { signOutPath } from "./applicationSignIn.ts"

/** What a person is asked about. */
export interface PageContext {
  /** Display name of this service. */
  readonly service: string
  readonly client: ClientView
  /** Where the browser goes afterwards. */
  readonly redirectUri: string
  /** Origin of the published application that the person signs in at; `undefined` for other clients. */
  readonly application?: string | undefined
}

export interface ClientView {
  /** The name that the client gives itself. */
  readonly name: string | undefined
  readonly id: string
  /** Whether the client is identified by a document at its domain. */
  readonly documented: boolean
}

const maxShown = 200

const shortened = (text: string) => {
  // Line breaks and invisible characters could imitate other text of the page.
  const visible = text.replace(/[\p{C}\p{Z}]+/gu, " ").trim()
  return visible.length > maxShown ? `${visible.slice(0, maxShown)}…` : visible
}
const shown = (text: string) => escaped(shortened(text))

const nameOf = ({ client, redirectUri }: PageContext) =>
  shown(client.name === undefined || client.name.trim() === "" ? targetOf(redirectUri) : client.name)

/** The host of a redirect, or the scheme of an application on this machine. */
const targetOf = (uri: string): string => {
  const url = URL.parse(uri)
  if (url === null) return uri
  return url.host === "" || !url.protocol.startsWith("http") ? `${url.protocol}//${url.host}` : url.host
}

/** Browsers apply `form-action` to redirects after a form as well. */
const formTargets = (redirectUri: string): ReadonlyArray<string> => {
  const url = URL.parse(redirectUri)
  if (url === null) return ["'self'"]
  return ["'self'", url.protocol.startsWith("http") ? url.origin : url.protocol]
}

const identity = ({ client, redirectUri }: PageContext) =>
  `<dl><dt>Application</dt><dd>${nameOf({ client, redirectUri, service: "" })}</dd>` +
  (client.documented
    ? `<dt>Published at</dt><dd>${shown(client.id)}</dd>`
    : "<dt>Origin</dt><dd>It registered itself. Its name was not verified.</dd>") +
  `<dt>Sends you back to</dt><dd>${shown(targetOf(redirectUri))}</dd></dl>`

/** Applications are published by administrators of the service. */
const publisher = (application: string, service: string) =>
  `<dl><dt>Application</dt><dd>${shown(targetOf(application))}</dd>` +
  `<dt>Published by</dt><dd>An administrator of ${escaped(service)}</dd></dl>`

export interface SignInPage extends PageContext {
  readonly account?: string
  readonly problem?: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

const signInForm = (account: string, problem: string | undefined) =>
  (problem === undefined ? "" : `<p role="alert">${escaped(problem)}</p>`) +
  `<form method="post">` +
  `<label for="account">Account</label><input id="account" name="account" value="${escaped(account)}" ` +
  `autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64"${account === "" ? " autofocus" : ""}>` +
  `<label for="password">Password</label><input id="password" name="password" type="password" ` +
  `autocomplete="current-password" required maxlength="1024"${account === "" ? "" : " autofocus"}>` +
  `<button class="primary" name="decision" value="sign-in">Sign in</button></form>`

export const signInPage = (page: SignInPage): Response => {
  const { account = "", application, headers, problem, redirectUri, service, status = 200 } = page
  const purpose =
    application === undefined
      ? `Sign in to connect <strong>${nameOf(page)}</strong>. On the next page you choose whether it gets access.`
      : `Sign in to open <strong>${shown(targetOf(application))}</strong>. On the next page you choose whether it learns the name of your account.`
  return htmlPage({
    status,
    title: `Sign in to ${service}`,
    formAction: formTargets(redirectUri),
    ...(headers !== undefined && { headers }),
    body:
      `<h1>Sign in to ${escaped(service)}</h1>` +
      `<p>${purpose}</p>` +
      signInForm(account, problem) +
      `<form method="post"><button name="decision" value="deny">Cancel</button></form>` +
      (application === undefined ? identity(page) : publisher(application, service))
  })
}

const meanings: Readonly<Record<string, string>> = {
  read: "See tools, prompts, resources and usage",
  call: "Run tools and prompts in your name",
  admin: "Administer this service"
}

const scopeItems = (scopes: ReadonlyArray<string>) =>
  `<ul>${scopes
    .map((scope) => {
      const meaning = meanings[fromOAuth(scope)]
      return `<li><code>${escaped(scope)}</code>${meaning === undefined ? "" : `: ${meaning}`}</li>`
    })
    .join("")}</ul>`

export interface ConsentPage extends PageContext {
  readonly account: string
  /** Resources that the client will have access to. */
  readonly resources: ReadonlyArray<string>
  readonly scopes: ReadonlyArray<string>
  /** Requested scopes that the account does not have. */
  readonly unavailable: ReadonlyArray<string>
}

export const consentPage = (page: ConsentPage): Response => {
  const { account, redirectUri, resources, scopes, service, unavailable } = page
  const name = nameOf(page)
  const missing =
    unavailable.length === 0
      ? ""
      : `<p>It also asked for the following, which the account ${escaped(account)} does not have and it will not get:</p>` +
        scopeItems(unavailable)
  const asked =
    scopes.length === 0
      ? "<p>It asks to be connected again, with the access that it already has.</p>"
      : `<p>It will be able to:</p>${scopeItems(scopes)}`
  return htmlPage({
    status: 200,
    title: `Connect ${shortened(page.client.name ?? "an application")} to ${service}`,
    formAction: formTargets(redirectUri),
    body:
      `<h1>Connect <strong>${name}</strong> to ${escaped(service)}?</h1>` +
      `<form method="post"><p>You are signed in as <strong>${escaped(account)}</strong>. ` +
      `<button class="link" name="decision" value="switch">Use another account</button></p></form>${asked}${missing}` +
      `<dl><dt>Access to</dt>${resources.map((each) => `<dd>${shown(each)}</dd>`).join("")}</dl>` +
      `${identity(page)}<form method="post"><button class="primary" name="decision" value="allow">Allow</button>` +
      `<button name="decision" value="deny">Deny</button></form>`
  })
}

export interface ApplicationPage extends Pick<
  ConsentPage,
  "account" | "redirectUri" | "service" | "unavailable"
> {
  /** Its origin. */
  readonly application: string
  /** URL of the OAuth server, without a trailing slash. */
  readonly issuer: string
}

/** Consent to sign in at a published application. */
export const applicationPage = (page: ApplicationPage): Response => {
  const { account, application, issuer, redirectUri, service, unavailable } = page
  const host = targetOf(application)
  const missing =
    unavailable.length === 0
      ? ""
      : `<p>You cannot open it with this account, which does not have what it requires:</p>${scopeItems(unavailable)}`
  return htmlPage({
    status: 200,
    title: `Open ${shortened(host)}`,
    formAction: formTargets(redirectUri),
    body:
      `<h1>Open <strong>${shown(host)}</strong>?</h1>` +
      `<form method="post"><p>You are signed in as <strong>${escaped(account)}</strong>. ` +
      `<button class="link" name="decision" value="switch">Use another account</button></p></form>${missing}` +
      `<p>The application learns the name of your account, <strong>${escaped(account)}</strong>. ` +
      `It gets neither your password nor access to ${escaped(service)}.</p>` +
      publisher(application, service) +
      `<form method="post"><button class="primary" name="decision" value="allow">Open</button>` +
      `<button name="decision" value="deny">Cancel</button></form>` +
      `<p>Later you can <a href="${escaped(application)}${signOutPath}">sign out of the application</a>, or ` +
      `<a href="${escaped(issuer)}/oauth/account">of your account</a>.</p>`
  })
}

export interface AccountSignInPage extends Pick<SignInPage, "account" | "problem" | "status" | "headers"> {
  readonly service: string
}

/** Before the page of an account. */
export const accountSignInPage = ({
  account = "",
  headers,
  problem,
  service,
  status = 200
}: AccountSignInPage): Response =>
  htmlPage({
    status,
    title: `Sign in to ${service}`,
    formAction: ["'self'"],
    ...(headers !== undefined && { headers }),
    body:
      `<h1>Sign in to ${escaped(service)}</h1>` +
      `<p>Sign in to see which applications have access in your name.</p>${signInForm(account, problem)}`
  })

export interface AccountPage {
  readonly service: string
  readonly account: string
  readonly scopes: ReadonlyArray<string>
  readonly applications: ReadonlyArray<{
    readonly id: string
    readonly name: string
    readonly scopes: ReadonlyArray<string>
  }>
}

export const accountPage = ({ account, applications, scopes, service }: AccountPage): Response => {
  const each = applications.map(
    ({ id, name, scopes: granted }) =>
      `<li><form method="post"><strong>${shown(name)}</strong><br><code>${escaped(granted.join(" "))}</code><br>` +
      `<input type="hidden" name="grant" value="${escaped(id)}">` +
      `<button name="decision" value="disconnect" aria-label="Disconnect ${shown(name)}">Disconnect</button></form></li>`
  )
  const list = each.length === 0 ? "<p>No application has access.</p>" : `<ul>${each.join("")}</ul>`
  return htmlPage({
    status: 200,
    title: `Account of ${service}`,
    formAction: ["'self'"],
    body:
      `<h1>${escaped(account)}</h1><p>Applications may get these scopes in your name:</p>` +
      `${scopeItems(scopes.map(toOAuth))}<h2>Connected applications</h2>${list}` +
      `<form method="post"><button name="decision" value="sign-out">Sign out</button></form>`
  })
}

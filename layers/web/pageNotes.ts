/** Notes about a page: parts left out, bot checks, consent walls, pages built by scripts. */
import type { Content } from "./mainContent.ts"
import type { HtmlDocument, Element } from "./HtmlDocument.ts"

/** Pages with less text may be a shell, a bot check or a consent form. */
const short = 1500
/** Hidden elements with less text are icons and screen reader labels, and not noted. */
const fewHidden = 200

const botCheck =
  /^(?:just a moment|attention required|access denied|access to this page has been denied|are you (?:a )?(?:robot|human)|security check|ddos-guard|checking your browser|verify(?:ing)? you are human|human verification|pardon our interruption|robot check|bot verification|one more step|please verify)/i
const botCheckText =
  /checking (?:if the site connection is secure|your browser before)|verif(?:y|ying) (?:that )?you are (?:a )?human|unusual traffic from your|enable javascript and cookies to continue|cf-browser-verification|press (?:&|and) hold/i
const consentWord =
  /cookies?|consent|gdpr|datenschutz|einwilligung|rgpd|consentement|consentimiento|privacy|partners?/gi
const consentAction =
  /\b(?:accept|agree|allow all|reject all|manage (?:options|preferences|choices)|akzeptier|zustimm|ablehn|accepter|refuser|aceptar|rechazar|accett|rifiut|godkänn|accepteer)/i
const needsScripts = /javascript|enable (?:it|scripts)|activ(?:er|ar|eren)|aktivier/i
/** Mount points of JavaScript frameworks. */
const mountPoint =
  /^(?:root|app|__next|___gatsby|__nuxt|app-root|main-app|svelte|react-root|q-app|ember-application)$/

const hasEmptyMountPoint = (element: Element): boolean =>
  element.children.some(
    (child) =>
      typeof child !== "string" &&
      (mountPoint.test(child.attributes["id"] ?? "") ||
        /^(?:app-root|my-app)$/.test(child.name) ||
        hasEmptyMountPoint(child))
  )

/** `text`: the shown text, or its start. */
export const pageNotes = (
  document: HtmlDocument,
  content: Content,
  title: string,
  text: string
): Array<string> => {
  const notes: Array<string> = []
  const beginning = text.slice(0, 2 * short)
  if (content.shown < short) {
    if (botCheck.test(title.trim()) || botCheckText.test(beginning)) {
      notes.push("This is a bot check or an access denial, not the content of the page.")
    } else if ((beginning.match(consentWord) ?? []).length >= 2 && consentAction.test(beginning)) {
      notes.push("This is mostly a consent form (cookie wall), not the content of the page.")
    }
  }
  const empty = content.visible < 20
  const shell = content.visible < 200 && (hasEmptyMountPoint(document.root) || needsScripts.test(beginning))
  if (document.scripts > 0 && (empty || shell)) {
    notes.push(
      `The page is built by scripts, which are not run: its HTML has only ${content.visible} characters of text.`
    )
  }
  const named = [...content.leftOut].filter(
    ([reason, chars]) => chars >= (reason === "hidden elements" ? fewHidden : 1)
  )
  if (named.length > 0) {
    const parts = named.map(([reason, chars]) => `${reason} (${chars} characters)`)
    const asked = named.some(([reason]) => reason !== "hidden elements")
      ? " Set whole_page to include the visible parts."
      : ""
    notes.push(`Left out: ${parts.join(", ")}.${asked}`)
  }
  if (document.cut) {
    notes.push("The page has more elements than web.max_elements; the rest was not read.")
  }
  return notes
}

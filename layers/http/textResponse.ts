/** Responses whose whole text stays readable, so that later stages of the response need not read the body and make it again. */

const content = Symbol("content")

interface WithContent {
  [content]?: string
}

export const textResponse = (text: string, init: ResponseInit): Response => {
  const response: Response & WithContent = new Response(text, init)
  response[content] = text
  return response
}

/** `undefined` for a response with another body. */
export const textOf = (response: Response & WithContent): string | undefined => response[content]

/** Results whose JSON is known: lists, of whose entries each is encoded once for all requests. */

const texts = new WeakMap<object, string>()

/** The result, to be sent as this JSON, which must be that of the result. */
export const withJson = <A extends object>(result: A, json: string): A => {
  texts.set(result, json)
  return result
}

export const jsonOf = (result: object): string | undefined => texts.get(result)

/** The JSON of an object with the members of both, the first of which has at least one. */
export const joinJson = (json: string, more: object): string => {
  const text = JSON.stringify(more)
  return text === "{}" ? json : `${json.slice(0, -1)},${text.slice(1)}`
}

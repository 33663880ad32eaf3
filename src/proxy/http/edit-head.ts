/** A service's changes to the text of a head. Only requests whose policy changes something come by here. */
import type { Edit, Plan } from '../../routing/policy.ts'
import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'

/** The request with the path, the host and the headers that the plan gives it. */
export function editRequest(head: RequestHead, { target, authority, request }: Plan): RequestHead {
  if (target === undefined && authority === undefined && request === undefined) return head
  const [first = '', ...lines] = head.forward.split('\r\n').slice(0, -1)
  const requestLine = target === undefined ? first : `${head.method} ${target} HTTP/1.1`
  const hosted = authority === undefined ? lines : lines.map((line) => (nameOf(line) === 'host' ? `Host: ${authority}` : line))
  return { ...head, forward: print(requestLine, request ? editLines(hosted, request) : hosted) }
}

export function editResponse(head: ResponseHead, edit: Edit): ResponseHead {
  const [statusLine = '', ...lines] = head.forward.split('\r\n').slice(0, -1)
  return { ...head, forward: print(statusLine, editLines(lines, edit)) }
}

const print = (first: string, lines: readonly string[]): string => `${[first, ...lines].join('\r\n')}\r\n`

const editLines = (lines: readonly string[], { without, lines: added }: Edit): readonly string[] => [
  ...lines.filter((line) => !without.has(nameOf(line))),
  ...added.map(([name, value]) => `${name}: ${value}`),
]

const nameOf = (line: string): string => line.slice(0, line.indexOf(':')).toLowerCase()

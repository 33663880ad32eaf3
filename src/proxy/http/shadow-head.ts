/** What Envoy, and so Istio, appends to the host of a copied request, so that its receiver can tell it from a real one. */
const shadowSuffix = '-shadow'

/** The host of a copy, before its port. The literal of an IPv6 address stays as it is: with a suffix it would be none. */
export function shadowHost(host: string): string {
  if (host.startsWith('[')) return host
  const colon = host.lastIndexOf(':')
  return colon < 0 ? host + shadowSuffix : host.slice(0, colon) + shadowSuffix + host.slice(colon)
}

/** The head of a copy: another host, and no expectation, since its body is there already. Without the line that ends it. */
export const shadowHead = (head: string): string => head.replace(/\r\nHost:([^\r]*)/i, (_line, host: string) => `\r\nHost: ${shadowHost(host.trim())}`).replace(/\r\nExpect: [^\r]*/, '')

const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** A record of a handshake, of version 3.x: SSL 3.0 to TLS 1.3 (RFC 8446 §5.1). */
const tlsHandshake = [0x16, 0x03] as const

/** Whether a connection's first bytes are those of HTTP/2 with prior knowledge (RFC 9113 §3.4) or of TLS. `perhaps`: too few bytes to say. */
export function foreignProtocol(bytes: Buffer): 'http2' | 'tls' | 'no' | 'perhaps' {
  if (bytes[0] === tlsHandshake[0]) return bytes.length === 1 ? 'perhaps' : bytes[1] === tlsHandshake[1] ? 'tls' : 'no'
  // `PRI` alone could still be the beginning of a method; one byte decides for nearly every request.
  if (bytes[0] !== http2Preface[0] || (bytes.length > 1 && bytes[1] !== http2Preface[1])) return 'no'
  const length = Math.min(bytes.length, http2Preface.length)
  if (bytes.compare(http2Preface, 0, length, 0, length) !== 0) return 'no'
  return length === http2Preface.length ? 'http2' : 'perhaps'
}

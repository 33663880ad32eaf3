import { generateKeyPair, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import forge from 'node-forge'

/**
 * Makes certificates: our own CA and the leaves it signs. node-forge writes them (it knows X.509 with RSA alone); it never reads
 * a foreign one, that is `validate.ts` with node:crypto. Keys are made by OpenSSL off the main thread.
 */

/** A certificate with its key, PEM. */
export interface KeyedCertificate {
  readonly certPem: string
  readonly keyPem: string
}

export interface LeafRequest {
  /** DNS names and IP addresses that the server is dialled by; the first is the common name. */
  readonly names: readonly string[]
  readonly validMs: number
  readonly now: number
}

const generate = promisify(generateKeyPair)
/** Clocks of other machines may be behind ours. */
const backdateMs = 3_600_000

/** A new CA that may sign leaves only. Its common name is unique, so that two of them in one bundle are told apart. */
export async function createAuthority(request: { readonly validMs: number; readonly now: number }): Promise<KeyedCertificate> {
  const keys = await createKeys()
  const certificate = begin(keys.publicKey, request)
  const subject = [{ name: 'commonName', value: `kinglet CA ${certificate.serialNumber.slice(0, 8)}` }]
  certificate.setSubject(subject)
  certificate.setIssuer(subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ])
  certificate.sign(keys.privateKey, forge.md.sha256.create())
  return { certPem: toPem(certificate), keyPem: keys.keyPem }
}

/** A server certificate signed by `authority`. */
export async function issueLeaf(authority: KeyedCertificate, request: LeafRequest): Promise<KeyedCertificate> {
  const signer = forge.pki.certificateFromPem(authority.certPem)
  const keys = await createKeys()
  const certificate = begin(keys.publicKey, request)
  certificate.setSubject([{ name: 'commonName', value: (request.names[0] ?? 'kinglet').slice(0, 64) }])
  certificate.setIssuer(signer.subject.attributes)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: signer.generateSubjectKeyIdentifier().getBytes() },
    // 2 and 7: dNSName and iPAddress of RFC 5280 §4.2.1.6.
    { name: 'subjectAltName', altNames: request.names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })) },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(authority.keyPem), forge.md.sha256.create())
  return { certPem: toPem(certificate), keyPem: keys.keyPem }
}

async function createKeys() {
  const { privateKey } = await generate('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const key = forge.pki.privateKeyFromPem(privateKey)
  return { keyPem: privateKey, privateKey: key, publicKey: forge.pki.setRsaPublicKey(key.n, key.e) }
}

function begin(publicKey: forge.pki.rsa.PublicKey, request: { readonly validMs: number; readonly now: number }): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = publicKey
  certificate.serialNumber = createSerial()
  certificate.validity.notBefore = new Date(request.now - backdateMs)
  certificate.validity.notAfter = new Date(request.now + request.validMs)
  return certificate
}

/** node-forge ends lines as RFC 7468 allows on Windows; everything else here ends them as Unix does. */
const toPem = (certificate: forge.pki.Certificate): string => forge.pki.certificateToPem(certificate).replaceAll('\r', '')

/** 128 random bits, positive and not zero (RFC 5280 §4.1.2.2). */
function createSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

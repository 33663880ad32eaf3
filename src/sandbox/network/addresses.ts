import * as net from 'node:net'
import { AppError } from '../../base/errors.ts'

/**
 * Addresses of a sandbox. All lie in 127.0.0.0/8, which Linux gives to every machine whole, so nothing can be reached from outside:
 * pods have 127.244.B.2–254, the node 127.244.B.1, Services the /16 of 127.(96 + B), whose .0.1 is the API server's. B, from 0 to 127,
 * is the sandbox's own block, so that several sandboxes run side by side.
 */

/** Ports below 1024 need privileges, so on addresses of pods and Services they really lie this much higher. */
const lowPortShift = 20_000

/** Where a port of a pod or Service really listens. 80 → 20080, 8080 → 8080. */
export const realPort = (port: number): number => (port > 0 && port < 1024 ? port + lowPortShift : port)

/** The port that is held on the node's address as the mark that a block is taken. */
const claimPort = 20_001
const blocks = 128

/** The addresses that one sandbox may use. */
export interface AddressBlock {
  readonly nodeAddress: string
  /** First two octets of Services' addresses, e.g. `127.103`. */
  readonly servicePrefix: string
  /** Address of the Service `kubernetes`. */
  readonly apiAddress: string
  /** A pod's address, free now and for longest; undefined when all 253 are taken. */
  takePodAddress(): string | undefined
  returnPodAddress(address: string): void
  release(): void
}

/**
 * Claims a block that no other sandbox on this machine holds, starting the search at `first`.
 * Throws AppError `LOOPBACK_UNAVAILABLE` where the system has only 127.0.0.1 (macOS), `NO_FREE_BLOCK` when all 256 are taken.
 */
export async function claimBlock(first: number): Promise<AddressBlock> {
  for (let offset = 0; offset < blocks; offset += 1) {
    const block = (first + offset) % blocks
    const nodeAddress = `127.244.${block}.1`
    const claim = await tryListen(nodeAddress)
    if (claim) return addressBlock(block, nodeAddress, claim)
  }
  throw new AppError('NO_FREE_BLOCK', `all ${blocks} blocks of sandbox addresses are taken on this machine`)
}

function addressBlock(block: number, nodeAddress: string, claim: net.Server): AddressBlock {
  // First in, first out: an address comes back as late as possible, for clients that remember it.
  const free = Array.from({ length: 253 }, (_, index) => `127.244.${block}.${index + 2}`)
  return {
    nodeAddress,
    servicePrefix: `127.${96 + block}`,
    apiAddress: `127.${96 + block}.0.1`,
    takePodAddress: () => free.shift(),
    returnPodAddress: (address) => void free.push(address),
    release: () => void claim.close(),
  }
}

function tryListen(address: string): Promise<net.Server | undefined> {
  const server = net.createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') return resolve(undefined)
      const hint = 'the sandbox needs the whole of 127.0.0.0/8 on the loopback interface, as Linux has it; on macOS run it in a Linux virtual machine'
      reject(new AppError('LOOPBACK_UNAVAILABLE', `cannot use ${address}: ${hint}`, { cause }))
    })
    server.listen({ host: address, port: claimPort, exclusive: true }, () => {
      server.unref()
      resolve(server)
    })
  })
}

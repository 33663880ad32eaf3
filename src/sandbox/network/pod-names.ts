import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { resolveName, type PodContext, type ServiceNames } from './pod-context.ts'

// Taken before the mounts replace it.
const readFile = readFileSync

type Callback = (error: NodeJS.ErrnoException | null, ...results: unknown[]) => void
type LookupAsync = (hostname: string, options: unknown) => Promise<unknown>
type Callable = (...values: unknown[]) => unknown

/** Makes Node's look-ups answer as the cluster's DNS does: names of Services first, then the machine's own. */
export function installNames(context: PodContext): void {
  const answer = (hostname: unknown) => (typeof hostname === 'string' ? resolveName(hostname, context, readNames(context.namesFile)) : 'elsewhere')
  const callbacks = dns as unknown as Record<string, Callable>
  const promises = dns.promises as unknown as Record<string, Callable>
  installLookup(callbacks, promises, answer)
  for (const name of ['resolve4', 'resolve'] as const) installResolve(name, callbacks, promises, answer)
}

type Answer = (hostname: unknown) => readonly string[] | 'absent' | 'elsewhere'

function installLookup(callbacks: Record<string, Callable>, promises: Record<string, Callable>, answer: Answer): void {
  const original = callbacks['lookup'] as Callable
  callbacks['lookup'] = (hostname: unknown, ...rest: unknown[]) => {
    const found = answer(hostname)
    if (found === 'elsewhere') return original(hostname, ...rest)
    const callback = rest.at(-1) as Callback
    const wantsAll = isAll(rest[0])
    process.nextTick(() => {
      if (found === 'absent') return callback(notFound('getaddrinfo', hostname))
      if (wantsAll) return callback(null, shuffled(found).map(entry))
      callback(null, shuffled(found)[0], 4)
    })
    return {}
  }
  const originalPromise = promises['lookup'] as unknown as LookupAsync
  promises['lookup'] = async (hostname: unknown, options: unknown) => {
    const found = answer(hostname)
    if (found === 'elsewhere') return originalPromise(String(hostname), options)
    if (found === 'absent') throw notFound('getaddrinfo', hostname)
    const entries = shuffled(found).map(entry)
    return isAll(options) ? entries : entries[0]
  }
}

function installResolve(name: 'resolve4' | 'resolve', callbacks: Record<string, Callable>, promises: Record<string, Callable>, answer: Answer): void {
  const original = callbacks[name] as Callable
  callbacks[name] = (hostname: unknown, ...rest: unknown[]) => {
    const found = isPlain(rest[0]) ? answer(hostname) : 'elsewhere'
    if (found === 'elsewhere') return original(hostname, ...rest)
    const callback = rest.at(-1) as Callback
    process.nextTick(() => (found === 'absent' ? callback(notFound('queryA', hostname)) : callback(null, shuffled(found))))
    return {}
  }
  const originalPromise = promises[name] as unknown as LookupAsync
  promises[name] = async (hostname: unknown, option: unknown) => {
    const found = isPlain(option) ? answer(hostname) : 'elsewhere'
    if (found === 'elsewhere') return originalPromise(String(hostname), option)
    if (found === 'absent') throw notFound('queryA', hostname)
    return shuffled(found)
  }
}

const entry = (address: string): { address: string; family: 4 } => ({ address, family: 4 })
const isAll = (options: unknown): boolean => typeof options === 'object' && options !== null && 'all' in options && options.all === true
/** A records without further options: what a program that asks for addresses wants. */
const isPlain = (option: unknown): boolean => option === undefined || typeof option === 'function' || option === 'A'

/** The file is small and always whole (it is replaced by rename); reading it at each look-up needs no watching. */
function readNames(file: string): ServiceNames {
  try {
    return JSON.parse(readFile(file, 'utf8')) as ServiceNames
  } catch {
    return {}
  }
}

function notFound(call: string, hostname: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${call} ENOTFOUND ${String(hostname)}`), { code: 'ENOTFOUND', errno: -3008, syscall: call, hostname })
}

/** A headless Service's clients spread over its pods, as with a DNS server that rotates its answers. */
function shuffled(addresses: readonly string[]): string[] {
  const start = Math.floor(Math.random() * addresses.length)
  return [...addresses.slice(start), ...addresses.slice(0, start)]
}

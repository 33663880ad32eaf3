/**
 * Loaded into every process of a pod by `node --import`: gives it the illusion of its own network namespace and mounts.
 * Must not do anything outside of a pod, and must not change what it does not need to: programs run unmodified.
 */
import net from 'node:net'
import os from 'node:os'
import { syncBuiltinESMExports } from 'node:module'
import { realPort } from './addresses.ts'
import { installMounts } from './pod-mounts.ts'
import { installNames } from './pod-names.ts'
import { podContextVariable, type PodContext } from './pod-context.ts'

/** Node's TCP handle, as far as the illusion touches it. Error codes are negative numbers, as libuv's. */
interface TcpHandle {
  bind: (this: TcpHandle, address: string, port: number, flags?: number) => number
  bind6: (this: TcpHandle, address: string, port: number, flags?: number) => number
  connect: (this: TcpHandle, request: object, address: string, port: number) => number
  connect6: (this: TcpHandle, request: object, address: string, port: number) => number
  close: () => void
}

const text = process.env[podContextVariable]
if (text !== undefined) install(JSON.parse(text) as PodContext)

function install(context: PodContext): void {
  installSockets(context.address)
  installNames(context)
  installMounts(context)
  installHost(context)
  syncBuiltinESMExports()
}

/**
 * Works on the TCP handle and not on net's functions: whatever module opens a socket, and by whatever name of this host, ends here,
 * after the look-up of names and before the system call.
 */
function installSockets(own: string): void {
  const prototype = tcpPrototype()
  const { bind, connect, connect6 } = prototype
  const isOwn = (address: string): boolean => address === '127.0.0.1' || address === '0.0.0.0'
  const bound = new WeakSet<TcpHandle>()
  const bindOwn = (handle: TcpHandle, port: number, flags?: number): number => {
    bound.add(handle)
    return bind.call(handle, own, realPort(port), flags)
  }
  const connectTo = (handle: TcpHandle, request: object, address: string, port: number): number => {
    if (!address.startsWith('127.')) return connect.call(handle, request, address, port)
    // The peer must see the pod's address.
    const failure = bound.has(handle) ? 0 : bindOwn(handle, 0)
    return failure === 0 ? connect.call(handle, request, address, realPort(port)) : failure
  }
  prototype.bind = function (address, port, flags) {
    return isOwn(address) || address === own ? bindOwn(this, port, flags) : bind.call(this, address, port, flags)
  }
  prototype.bind6 = function (_address, port, flags) {
    return bindOwn(this, port, flags)
  }
  prototype.connect = function (request, address, port) {
    return connectTo(this, request, isOwn(address) ? own : address, port)
  }
  prototype.connect6 = function (request, address, port) {
    return address === '::1' || address === '::' ? connectTo(this, request, own, port) : connect6.call(this, request, address, port)
  }
}

/** The prototype is reachable only through a handle, and a handle without opening a connection only in this way. */
function tcpPrototype(): TcpHandle {
  const create = (net as unknown as { _createServerHandle: (address: string, port: number, family: number) => TcpHandle | number })._createServerHandle
  const handle = create('127.0.0.1', 0, 4)
  if (typeof handle === 'number') throw new Error(`the sandbox's preload cannot open a socket: error ${handle}`)
  const prototype = Object.getPrototypeOf(handle) as TcpHandle
  handle.close()
  return prototype
}

function installHost(context: PodContext): void {
  const replaced = os as unknown as { hostname: typeof os.hostname; networkInterfaces: typeof os.networkInterfaces }
  replaced.hostname = () => context.hostname
  replaced.networkInterfaces = () => ({
    eth0: [{ address: context.address, netmask: '255.255.255.0', family: 'IPv4', mac: '00:00:00:00:00:00', internal: false, cidr: `${context.address}/24` }],
  })
}

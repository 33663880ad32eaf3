/**
 * @grpc/grpc-js as a server and as a client of the service in grpc.interop.ts.
 * grpc-js.ts serve PORT | grpc-js.ts ask HOST:PORT
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { credentials, makeGenericClientConstructor, Metadata, Server, ServerCredentials, status, type CallOptions, type ClientDuplexStream, type ClientReadableStream, type ClientUnaryCall, type ClientWritableStream, type MethodDefinition, type ServiceError, type UntypedServiceImplementation } from '@grpc/grpc-js'

const bytes = (value: Buffer): Buffer => value
const method = (name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Buffer, Buffer> => ({ path: `/kinglet.Echo/${name}`, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes })
const service = { Unary: method('Unary', false, false), ServerStream: method('ServerStream', false, true), ClientStream: method('ClientStream', true, false), Bidi: method('Bidi', true, true) }
const large = { 'grpc.max_receive_message_length': 16_000_000, 'grpc.max_send_message_length': 16_000_000 }

let cancelled = 0
const implementation = {
  Unary: (call: { request: Buffer; metadata: Metadata; on(event: 'cancelled', listener: () => void): void }, done: (error: Partial<ServiceError> | null, value?: Buffer, trailer?: Metadata) => void) => {
    const word = call.request.subarray(0, 20).toString('latin1').split(' ')[0]
    if (word === 'fail') return done({ code: status.NOT_FOUND, details: 'failed: ä%' })
    if (word === 'sleep') {
      call.on('cancelled', () => (cancelled += 1))
      return
    }
    if (word === 'cancelled') return done(null, Buffer.from(String(cancelled)))
    const trailer = new Metadata()
    for (const value of call.metadata.get('x-key')) trailer.set('x-echo', value)
    done(null, call.request, trailer)
  },
  ServerStream: (call: { request: Buffer; write(message: Buffer): void; end(): void }) => {
    for (let index = 0; index < Number(call.request.toString()); index += 1) call.write(Buffer.from(String(index)))
    call.end()
  },
  ClientStream: (call: NodeJS.ReadableStream, done: (error: null, value: Buffer) => void) => {
    let total = 0
    call.on('data', (message: Buffer) => (total += message.length))
    call.on('end', () => done(null, Buffer.from(String(total))))
  },
  Bidi: (call: NodeJS.ReadWriteStream) => {
    call.on('data', (message: Buffer) => call.write(message))
    call.on('end', () => call.end())
  },
}

async function serve(port: string): Promise<void> {
  const server = new Server(large)
  server.addService(service, implementation as unknown as UntypedServiceImplementation)
  await new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)))
  })
}

type Done = (error: ServiceError | null, value?: Buffer) => void
interface EchoClient {
  Unary(request: Buffer, metadata: Metadata, options: CallOptions, done: Done): ClientUnaryCall
  ServerStream(request: Buffer): ClientReadableStream<Buffer>
  ClientStream(done: Done): ClientWritableStream<Buffer>
  Bidi(): ClientDuplexStream<Buffer, Buffer>
  makeUnaryRequest(path: string, serialize: typeof bytes, deserialize: typeof bytes, request: Buffer, done: Done): ClientUnaryCall
  close(): void
}

async function ask(target: string): Promise<void> {
  const Client = makeGenericClientConstructor(service, 'kinglet.Echo')
  const client = new Client(target, credentials.createInsecure(), large) as unknown as EchoClient
  let trailer: unknown
  const echo = (request: Buffer, timeoutMs = 20_000, metadata = new Metadata()): Promise<{ readonly code: number; readonly details: string; readonly body: Buffer }> =>
    new Promise((resolve) => {
      const call = client.Unary(request, metadata, { deadline: Date.now() + timeoutMs }, (error, value) => resolve({ code: error?.code ?? 0, details: error?.details ?? '', body: value ?? Buffer.alloc(0) }))
      call.on('status', (end) => ([trailer] = end.metadata.get('x-echo')))
    })
  const collect = (stream: NodeJS.ReadableStream): Promise<Buffer[]> =>
    new Promise((resolve, reject) => {
      const messages: Buffer[] = []
      stream.on('data', (message: Buffer) => messages.push(message))
      stream.on('error', reject)
      stream.on('end', () => resolve(messages))
    })
  const found: Record<string, unknown> = {}
  const metadata = new Metadata()
  metadata.set('x-key', 'value')
  const hello = await echo(Buffer.from('hello'), 20_000, metadata)
  await sleep(10)
  found['unary'] = [hello.body.toString(), trailer]
  found['large'] = (await echo(Buffer.alloc(5_000_000, 'x'), 30_000)).body.length
  found['serverStream'] = (await collect(client.ServerStream(Buffer.from('100')))).length
  found['clientStream'] = await new Promise((resolve) => {
    const call = client.ClientStream((_error, value) => resolve(value?.toString()))
    for (let index = 0; index < 50; index += 1) call.write(Buffer.alloc(20_000, 'y'))
    call.end()
  })
  const bidi = client.Bidi()
  const echoed = collect(bidi)
  for (const letter of 'abc') bidi.write(Buffer.from(letter))
  bidi.end()
  found['bidi'] = (await echoed).join(',')
  const failed = await echo(Buffer.from('fail'))
  found['fails'] = [failed.code, failed.details]
  found['unimplemented'] = await new Promise((resolve) => client.makeUnaryRequest('/kinglet.Echo/Nothing', bytes, bytes, Buffer.alloc(0), (error) => resolve(error?.code)))
  found['deadline'] = (await echo(Buffer.from('sleep'), 300)).code
  const pending = client.Unary(Buffer.from('sleep'), new Metadata(), {}, () => undefined)
  await sleep(200)
  pending.cancel()
  let count = 0
  for (let attempt = 0; attempt < 200 && count < 2; attempt += 1) {
    count = Number((await echo(Buffer.from('cancelled'))).body.toString())
    await sleep(50)
  }
  found['cancelled'] = count
  console.log(JSON.stringify(found))
  client.close()
}

const [, , verb, where = ''] = process.argv
await (verb === 'serve' ? serve(where) : ask(where))

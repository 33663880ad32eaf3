import type { RequestView } from '../request-view.ts'

/** A request as rules see it; header names in lower case. */
export const requestView = ({ headers = {}, ...view }: Partial<Omit<RequestView, 'header' | 'cookies'>> & { readonly headers?: Readonly<Record<string, string>> } = {}): RequestView => ({
  method: 'GET',
  target: '/',
  authority: 'app',
  clientAddress: '10.1.2.3',
  header: (name) => headers[name],
  cookies: () => headers['cookie'],
  ...view,
})

import { type JsonObject, objectAt, stringAt } from '../../../base/json.ts'
import { type FieldError, required, wrong } from '../status.ts'

/** Names, labels and annotations, with the API server's texts. */

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const value = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const serviceText =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const qualifiedText =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const valueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

const tooLong = (most: number): string => `must be no more than ${most} characters`

export function labelErrors(text: string, field: string): readonly FieldError[] {
  return [...(text.length > 63 ? [wrong(field, text, tooLong(63))] : []), ...(label.test(text) ? [] : [wrong(field, text, labelText)])]
}

function subdomainErrors(text: string, field: string): readonly FieldError[] {
  return [...(text.length > 253 ? [wrong(field, text, tooLong(253))] : []), ...(subdomain.test(text) ? [] : [wrong(field, text, subdomainText)])]
}

function serviceErrors(text: string, field: string): readonly FieldError[] {
  return [...(text.length > 63 ? [wrong(field, text, tooLong(63))] : []), ...(/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(text) ? [] : [wrong(field, text, serviceText)])]
}

/** RBAC names may hold anything that fits in a path. */
function pathSegmentErrors(text: string, field: string): readonly FieldError[] {
  if (text === '.' || text === '..') return [wrong(field, text, `may not be '${text}'`)]
  return ['/', '%'].filter((one) => text.includes(one)).map((one) => wrong(field, text, `may not contain '${one}'`))
}

export function metadataErrors(object: JsonObject, storage: string): readonly FieldError[] {
  const name = stringAt(object, 'metadata', 'name') ?? ''
  const field = 'metadata.name'
  if (name === '') return [required(field, 'name or generateName is required')]
  const rule = storage === '/services' ? serviceErrors : storage === '/namespaces' ? labelErrors : storage.startsWith('rbac.authorization.k8s.io/') ? pathSegmentErrors : subdomainErrors
  return [...rule(name, field), ...labelsErrors(objectAt(object, 'metadata', 'labels'), 'metadata.labels'), ...annotationErrors(objectAt(object, 'metadata', 'annotations'))]
}

function keyErrors(key: string, field: string): readonly FieldError[] {
  const [name = '', prefix] = key.split('/').toReversed()
  if (key.split('/').length > 2) return [wrong(field, key, `a qualified name ${qualifiedText.slice('name part '.length)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`)]
  const prefixErrors = prefix === undefined || subdomain.test(prefix) ? [] : [wrong(field, key, `prefix part ${subdomainText}`)]
  if (name === '') return [...prefixErrors, wrong(field, key, 'name part must be non-empty'), wrong(field, key, qualifiedText)]
  if (name.length > 63) return [...prefixErrors, wrong(field, key, 'name part must be no more than 63 characters')]
  return qualifiedPart.test(name) ? prefixErrors : [...prefixErrors, wrong(field, key, qualifiedText)]
}

export function labelsErrors(labels: JsonObject, field: string): readonly FieldError[] {
  return Object.entries(labels).flatMap(([key, text]) => {
    const shown = String(text as string)
    return [...keyErrors(key, field), ...(shown.length > 63 ? [wrong(field, shown, tooLong(63))] : []), ...(value.test(shown) ? [] : [wrong(field, shown, valueText)])]
  })
}

/** Kubernetes' own bound for all annotations of an object. */
const annotationBytes = 256 * 1024

function annotationErrors(annotations: JsonObject): readonly FieldError[] {
  const size = Object.entries(annotations).reduce((sum, [key, text]) => sum + key.length + Buffer.byteLength(String(text as string)), 0)
  const errors = Object.keys(annotations).flatMap((key) => keyErrors(key.toLowerCase(), 'metadata.annotations'))
  return size > annotationBytes ? [...errors, { reason: 'FieldValueTooLong', field: 'metadata.annotations', message: `Too long: may not be more than ${annotationBytes} bytes` }] : errors
}

// Icons: 16 px lines in the colour of the text. They never stand alone without a label.
import { cx } from './classes'

const shapes = {
  workspace: 'M2.5 4.5 8 1.8l5.5 2.7v7L8 14.2l-5.5-2.7zM2.7 4.6 8 7.2l5.3-2.6M8 7.2v7',
  run: 'M5 3.2v9.6l7.5-4.8z',
  registry: 'M2.5 3h4.2v4.2H2.5zM9.3 3h4.2v4.2H9.3zM2.5 9.3h4.2v4.2H2.5zM9.3 9.3h4.2v4.2H9.3z',
  drift: 'M1.8 10.5c1.6 0 1.6-1.6 3.1-1.6s1.6 1.6 3.1 1.6 1.6-1.6 3.1-1.6 1.6 1.6 3.1 1.6M8 2v4m0 0L6.2 4.3M8 6l1.8-1.7',
  project: 'M1.8 12.8V3.2h4.4l1.5 1.8h6.5v7.8z',
  settings: 'M8 5.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8M8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4',
  people: 'M6 7.5A2.5 2.5 0 1 0 6 2.500a2.500 2.500 0 0 0 0 5M1.500 13.500c0-2.500 2-4 4.500-4s4.500 1.500 4.500 4M10.500 2.800a2.400 2.400 0 0 1 0 4.500M12 9.800c1.500.5 2.500 1.800 2.500 3.700',
  key: 'M5 13.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5M6.800 9.200 13 3M10.500 5.500l2 2',
  lock: 'M3.500 7.500h9v6h-9zM5.500 7.500V5a2.500 2.500 0 0 1 5 0v2.500',
  unlock: 'M3.500 7.500h9v6h-9zM5.500 7.500V5a2.500 2.500 0 0 1 4.800-1',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10M10.700 10.700 14 14',
  check: 'M3 8.500 6.500 12 13 4.500',
  cross: 'M4 4l8 8M12 4l-8 8',
  warning: 'M8 2.200 14.500 13.500h-13zM8 6.500v3.200M8 11.500v.3',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 7.300v3.600M8 5.100v.3',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 4.800V8l2.200 1.500',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  replace: 'M2.500 6h9L9 3.500M13.500 10h-9L7 12.500',
  pencil: 'M3 13l.6-2.900 7-7 2.300 2.300-7 7z',
  trash: 'M3 4.500h10M6.500 4.500V2.800h3v1.700M4.500 4.500l.6 8.700h5.800l.6-8.700M6.800 7v4M9.200 7v4',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  link: 'M6.500 9.500l3-3M7 4.800 8.700 3a2.700 2.700 0 0 1 4.300 4.300L11.200 9M9 11.200 7.300 13A2.700 2.700 0 0 1 3 8.700L4.800 7',
  external: 'M9.500 2.500h4v4M13.500 2.500 8 8M11.500 9.500v4h-9v-9h4',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  menu: 'M2.500 4.500h11M2.500 8h11M2.500 11.500h11',
  more: 'M3.500 8h.1M8 8h.1M12.500 8h.1',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1.500V3M8 13v1.500M1.500 8H3M13 8h1.500M3.400 3.400l1 1M11.600 11.600l1 1M12.600 3.400l-1 1M4.400 11.600l-1 1',
  moon: 'M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7',
  system: 'M2 3h12v8H2zM6 14h4M8 11v3',
  command: 'M6 6h4v4H6zM6 6V4.200A1.800 1.800 0 1 0 4.200 6zM10 6h1.800A1.800 1.800 0 1 0 10 4.200zM10 10v1.800A1.800 1.800 0 1 0 11.800 10zM6 10H4.200A1.800 1.800 0 1 0 6 11.800z',
  user: 'M8 8a2.800 2.800 0 1 0 0-5.500A2.800 2.800 0 0 0 8 8M2.800 14c0-2.800 2.300-4.500 5.200-4.500s5.200 1.700 5.200 4.500',
  building: 'M3 14V2.500h7V14M10 6h3v8M1.500 14h13M5.200 5.200h.1M7.800 5.200h.1M5.200 8h.1M7.800 8h.1M5.200 10.800h.1M7.800 10.800h.1',
  agent: 'M3 3h10v4H3zM3 9h10v4H3zM5.500 5h.1M5.500 11h.1',
  audit: 'M3.500 2h9v12h-9zM6 5.500h4M6 8h4M6 10.500h2.500',
  bell: 'M4 11V7a4 4 0 0 1 8 0v4l1 1.200H3zM6.700 14h2.600',
  heart: 'M8 13.500 2.800 8.300a3.100 3.100 0 0 1 4.400-4.400l.8.800.8-.8a3.100 3.100 0 0 1 4.400 4.400z',
  filter: 'M2 3.500h12L9.500 8.500V13l-3-1.500v-3z',
  tag: 'M2.500 2.500h5.300l5.700 5.700-5.300 5.300-5.700-5.700zM5.300 5.300h.1',
  home: 'M2.500 7.500 8 2.500l5.500 5V13.500h-4v-4h-3v4h-4z',
  refresh: 'M13 3v3.500H9.500M3 13V9.500h3.500M12.700 6.500A5 5 0 0 0 4 4.900M3.300 9.500A5 5 0 0 0 12 11.100',
  download: 'M8 2v8M4.800 7 8 10.200 11.200 7M2.500 13.500h11',
  stop: 'M4 4h8v8H4z',
  state: 'M2.500 4c0-1.200 2.500-2 5.500-2s5.500.8 5.500 2-2.500 2-5.500 2-5.500-.8-5.500-2M2.500 4v8c0 1.200 2.500 2 5.500 2s5.500-.8 5.500-2V4M2.500 8c0 1.200 2.500 2 5.500 2s5.500-.8 5.500-2',
  variable: 'M5 2.500C3 3.500 2.200 5.500 2.200 8S3 12.500 5 13.500M11 2.500c2 1 2.800 3 2.800 5.500s-.8 4.500-2.800 5.500M6 6l4 4M10 6l-4 4',
  eye: 'M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4',
} as const

/** IconName is what an icon shows. */
export type IconName = keyof typeof shapes

/** Icon is one of them, in px. */
export function Icon({ name, size = 16, className }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'more' ? 2.4 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className={cx('shrink-0', className)}
    >
      <path d={shapes[name]} />
    </svg>
  )
}

/** Caret stands before what opens, and turns when it is open. */
export function Caret({ open, className }: { open: boolean; className?: string }) {
  return <Icon name="right" size={14} className={cx('text-faint transition-transform', open && 'rotate-90', className)} />
}

/** Mark is the sign of Plumbline: a plumb bob. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" className="shrink-0">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M16 4v9" stroke="var(--accent-fg)" strokeWidth="2.4" strokeLinecap="round" />
      <path d="M10.5 13h11l-1.2 6.2L16 28l-4.3-8.8z" fill="var(--accent-fg)" />
    </svg>
  )
}

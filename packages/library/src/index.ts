export { libraryErrors } from './errors.ts'
export { createLibrary, type Library, type LibraryOptions } from './library.ts'

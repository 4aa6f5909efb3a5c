// What Vite makes of an import that ends in ?url: the address of the file in the build.
declare module "*?url" {
  const address: string;
  export { address as default };
}

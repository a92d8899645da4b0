/** Neither has types that an ES module can use. */
declare module 'apache-crypt' {
  /** crypt(3) with DES: both texts are bytes in Latin-1. */
  export default function crypt(password: string, salt: string): string;
}

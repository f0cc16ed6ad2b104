/** A warning from a store to its operator. */
export interface StoreWarning {
  /**
   * `"EVICTING_POLICY"`: Redis may evict keys that have not expired. `"PURGE_FAILED"`: expired records could not
   * be removed; the store will try again.
   */
  code: "EVICTING_POLICY" | "PURGE_FAILED";
  /** What is wrong and what to do about it. */
  message: string;
}

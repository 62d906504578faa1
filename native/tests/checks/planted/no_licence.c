/* Planted violation: a source without a licence. */
int cr_planted_unlicensed;

// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** The secret of a job. Whoever knows it may checkpoint the job. */
public final class JobKey {
    /** Bytes of a key, of a nonce, and of a proof. */
    public static final int SIZE = 32;

    private static final String ALGORITHM = "HmacSHA256";

    private final byte[] bytes;

    private JobKey(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Reads a key of 64 hexadecimal digits. */
    public static JobKey parse(String text) {
        try {
            byte[] bytes = HexFormat.of().parseHex(text.strip());
            if (bytes.length == SIZE) {
                return new JobKey(bytes);
            }
        } catch (IllegalArgumentException e) {
            // said below, without a word of what the file holds
        }
        throw new CrException(ErrorCode.PROTOCOL, "the file \"key\" of the job's directory does not hold a key");
    }

    /** What one side says to show that it knows the key: HMAC-SHA256 over the words and both nonces. */
    public byte[] proof(String who, byte[] firstNonce, byte[] secondNonce) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(bytes, ALGORITHM));
            mac.update(who.getBytes(StandardCharsets.US_ASCII));
            mac.update(firstNonce);
            return mac.doFinal(secondNonce);
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }

    /** Compares in constant time. */
    static boolean equal(byte[] one, byte[] other) {
        return MessageDigest.isEqual(one, other);
    }
}

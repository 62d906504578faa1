// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hashing;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Reads and writes {@code manifest.json}. The file begins with a digest over all its bytes, the digest's own digits taken
 * as zeros, so that any change is noticed. The first line has the same form in all versions.
 */
public final class ManifestFile {
    /** Its name in the directory of a checkpoint. */
    public static final String NAME = "manifest.json";

    private static final byte[] BEFORE_DIGEST = ascii("{\n  \"digest\" : \"");
    private static final byte[] AFTER_DIGEST = ascii("\",\n  ");
    private static final int DIGITS = 32;
    private static final int LARGEST = 256 << 20;

    private ManifestFile() {}

    /** The bytes of the file. */
    public static byte[] encode(Manifest manifest) {
        String body;
        try {
            body = ManifestJson.WRITER.writeValueAsString(manifest);
        } catch (JsonProcessingException e) {
            throw new CrException(ErrorCode.INTERNAL, "a manifest cannot be written as JSON: " + e.getMessage(), e);
        }
        // The body begins with "{\n  "; what follows is joined to the digest.
        byte[] rest = (body.substring(body.indexOf('"')) + "\n").getBytes(StandardCharsets.UTF_8);
        byte[] bytes = new byte[BEFORE_DIGEST.length + DIGITS + AFTER_DIGEST.length + rest.length];
        ByteBuffer.wrap(bytes)
                .put(BEFORE_DIGEST)
                .put(ascii("0".repeat(DIGITS)))
                .put(AFTER_DIGEST)
                .put(rest);
        System.arraycopy(ascii(digestOf(bytes)), 0, bytes, BEFORE_DIGEST.length, DIGITS);
        return bytes;
    }

    /**
     * The manifest in these bytes. Throws {@link ErrorCode#DAMAGED} or {@link ErrorCode#IMAGE_VERSION}; the file's name is
     * only for the message.
     */
    public static Manifest decode(byte[] bytes, String name) {
        checkDigest(bytes, name);
        try {
            JsonNode tree = ManifestJson.MAPPER.readTree(bytes);
            int major = tree.path("format").path("major").asInt(-1);
            if (major > Format.CURRENT.major()) {
                throw new CrException(
                        ErrorCode.IMAGE_VERSION,
                        name + " has format " + major + ", this program reads up to " + Format.CURRENT.major()
                                + "; it was written by Quiesce "
                                + tree.path("quiesceVersion").asText("of unknown version"));
            }
            return ManifestJson.MAPPER.treeToValue(tree, Manifest.class);
        } catch (IOException e) {
            if (e.getCause() instanceof CrException wrong) {
                throw new CrException(wrong.code(), name + ": " + wrong.getMessage(), e);
            }
            throw new CrException(ErrorCode.DAMAGED, name + " is not a manifest: " + firstLine(e), e);
        }
    }

    /** Reads the manifest in the directory of a checkpoint. */
    public static Manifest read(Path directory) {
        Path file = directory.resolve(NAME);
        try {
            if (Files.size(file) > LARGEST) {
                throw new CrException(ErrorCode.DAMAGED, file + " is too long for a manifest");
            }
            return decode(Files.readAllBytes(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new CrException(
                    ErrorCode.INCOMPLETE,
                    directory + " holds no " + NAME + ": the checkpoint was not completed, or this is not one",
                    e);
        } catch (IOException e) {
            throw new CrException(ErrorCode.PERMISSION, "cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    /** Writes the manifest into the directory: under another name, synced, renamed, the directory synced; mode 0600. */
    public static void write(Path directory, Manifest manifest) throws IOException {
        Path fresh = directory.resolve(NAME + ".partial");
        Files.deleteIfExists(fresh);
        try (FileChannel channel = FileChannel.open(
                fresh,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            ByteBuffer bytes = ByteBuffer.wrap(encode(manifest));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(fresh, directory.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void checkDigest(byte[] bytes, String name) {
        int end = BEFORE_DIGEST.length + DIGITS;
        if (bytes.length < end + AFTER_DIGEST.length
                || !startsAt(bytes, 0, BEFORE_DIGEST)
                || !startsAt(bytes, end, AFTER_DIGEST)) {
            throw new CrException(ErrorCode.DAMAGED, name + " does not begin as a manifest does");
        }
        String stored = new String(bytes, BEFORE_DIGEST.length, DIGITS, StandardCharsets.ISO_8859_1);
        byte[] blanked = bytes.clone();
        Arrays.fill(blanked, BEFORE_DIGEST.length, end, (byte) '0');
        if (!stored.equals(digestOf(blanked))) {
            throw new CrException(ErrorCode.DAMAGED, name + " is damaged: its digest does not fit its contents");
        }
    }

    private static boolean startsAt(byte[] bytes, int at, byte[] part) {
        return Arrays.equals(bytes, at, at + part.length, part, 0, part.length);
    }

    private static String digestOf(byte[] bytes) {
        HashValue128 hash = Hashing.xxh3_128().hashBytesTo128Bits(bytes);
        return String.format(Locale.ROOT, "%016x%016x", hash.getMostSignificantBits(), hash.getLeastSignificantBits());
    }

    private static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}

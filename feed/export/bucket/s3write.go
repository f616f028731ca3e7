package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// hashName is the metadata that has a file's SHA-256.
const hashName = "sha256"

// condition is what must hold for a write: one of the two.
type condition struct {
	none  *string // "*": nothing is there
	match *string // this is there
}

// Create is part of [Store].
func (s *S3) Create(ctx context.Context, key string, body Body) (bool, error) {
	err := s.write(ctx, key, condition{none: aws.String("*")}, body)
	if errors.Is(err, ErrChanged) {
		return false, nil
	}
	return err == nil, err
}

// Replace is part of [Store].
func (s *S3) Replace(ctx context.Context, key, tag string, body Body) error {
	return s.write(ctx, key, condition{match: &tag}, body)
}

// conflictPause is what is waited when the store cannot decide between two writers.
const conflictPause = 50 * time.Millisecond

// write writes a file under a condition; ErrChanged where it does not hold. Two who
// write at the same time may both be told of a conflict: then it is tried again.
func (s *S3) write(ctx context.Context, key string, c condition, body Body) error {
	full, err := s.key(key)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		if body.Size <= s.o.PartBytes {
			err = s.put(ctx, full, c, body)
		} else {
			err = s.putParts(ctx, full, c, body)
		}
		switch code := status(err); {
		case err == nil:
			return nil
		case code == http.StatusPreconditionFailed, code == http.StatusNotFound && c.match != nil && !isBucketMissing(err):
			return fmt.Errorf("write %s: %w", key, ErrChanged)
		case code != http.StatusConflict || try == 10:
			return fmt.Errorf("write %s: %w", key, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("write %s: %w", key, ctx.Err())
		case <-time.After(conflictPause * time.Duration(try)):
		}
	}
}

func isBucketMissing(err error) bool {
	var none *types.NoSuchBucket
	return errors.As(err, &none)
}

func (s *S3) encryption() types.ServerSideEncryption {
	if s.o.Encryption == "none" {
		return ""
	}
	return types.ServerSideEncryption(s.o.Encryption)
}

// put writes a file with one request.
func (s *S3) put(ctx context.Context, key string, c condition, body Body) error {
	if _, err := body.Reader.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.o.Bucket, Key: &key, Body: body.Reader, ContentLength: &body.Size, IfNoneMatch: c.none, IfMatch: c.match,
		ServerSideEncryption: s.encryption(), Metadata: map[string]string{hashName: body.SHA256},
	})
	return err
}

// putParts writes a file in parts, of which one is in memory. The condition is the
// completion's: until then nothing is there.
func (s *S3) putParts(ctx context.Context, key string, c condition, body Body) (err error) {
	if body.Size > 10_000*s.o.PartBytes {
		return fmt.Errorf("the file of %d bytes has more than 10,000 parts of %d", body.Size, s.o.PartBytes)
	}
	if _, err := body.Reader.Seek(0, io.SeekStart); err != nil {
		return err
	}
	// Who is late need not upload for nothing.
	if _, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.o.Bucket, Key: &key}); err == nil && c.none != nil {
		return ErrChanged
	}
	up, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.o.Bucket, Key: &key, ServerSideEncryption: s.encryption(), Metadata: map[string]string{hashName: body.SHA256},
	})
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		// What is left over costs its owner money.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_, _ = s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.o.Bucket, Key: &key, UploadId: up.UploadId})
	}()
	var parts []types.CompletedPart
	for at := int64(0); at < body.Size; at += s.o.PartBytes {
		n, number := min(s.o.PartBytes, body.Size-at), int32(len(parts)+1)
		out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &s.o.Bucket, Key: &key, UploadId: up.UploadId, PartNumber: &number, ContentLength: &n,
			Body: &section{r: body.Reader, from: at, size: n},
		})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: &number})
	}
	_, err = s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.o.Bucket, Key: &key, UploadId: up.UploadId, IfNoneMatch: c.none, IfMatch: c.match,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

// section is a part of what can be sought in, and can be sought in itself, as a
// repeat of the request needs.
type section struct {
	r              io.ReadSeeker
	from, size, at int64
}

func (s *section) Read(p []byte) (int, error) {
	if s.at >= s.size {
		return 0, io.EOF
	}
	if _, err := s.r.Seek(s.from+s.at, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.size-s.at)])
	s.at += int64(n)
	return n, err
}

func (s *section) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	s.at = offset
	return offset, nil
}

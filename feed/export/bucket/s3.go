package bucket

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// S3Options say where a bucket is and who asks for it.
type S3Options struct {
	Bucket string
	Prefix string // a folder of the bucket, "" for the whole of it
	Region string // us-east-1 by default
	// Endpoint is the address of a store that is not AWS, as in https://s3.example.com.
	Endpoint string
	// PathStyle puts the bucket's name into the path instead of the host's name.
	PathStyle bool
	// CA are authorities of the endpoint, PEM; empty: those of the system.
	CA []byte
	// KeyID and Secret, and Session for temporary ones, are static keys. Without them a
	// Profile of the shared configuration is used, and without that what the SDK
	// finds: the environment, a web identity, the machine's IAM role.
	KeyID, Secret, Session string
	Profile                string
	// Role is the ARN of a role that is taken on with those, ExternalID what its owner
	// asks for.
	Role, ExternalID string
	// Encryption is asked for of the server: AES256 (the default), aws:kms, or none.
	Encryption string
	// PartBytes is from which size on files are uploaded in parts of it, 16 MiB by
	// default, 5 MiB at least. Files are no larger than 10,000 parts.
	PartBytes int64
}

// S3 is a bucket of S3, or of a store that speaks its protocol.
type S3 struct {
	client *s3.Client
	o      S3Options
}

var (
	_ Store     = (*S3)(nil)
	_ Presigner = (*S3)(nil)
)

// minPart is the smallest part that S3 takes.
const minPart = 5 << 20

// OpenS3 does not ask the bucket yet: it may be away for a while.
func OpenS3(ctx context.Context, o S3Options) (*S3, error) {
	if o.Bucket == "" {
		return nil, errors.New("open the bucket: it has no name")
	}
	if (o.KeyID == "") != (o.Secret == "") {
		return nil, fmt.Errorf("open the bucket %s: a key id and its secret are given together or not at all", o.Bucket)
	}
	if o.Prefix = strings.Trim(o.Prefix, "/"); o.Prefix != "" {
		if err := checkKey(o.Prefix); err != nil {
			return nil, fmt.Errorf("open the bucket %s: prefix %q: %w", o.Bucket, o.Prefix, err)
		}
		o.Prefix += "/"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Encryption == "" {
		o.Encryption = string(types.ServerSideEncryptionAes256)
	}
	if o.PartBytes = max(o.PartBytes, minPart); o.PartBytes == minPart {
		o.PartBytes = 16 << 20
	}
	client, err := httpClient(o.CA)
	if err != nil {
		return nil, fmt.Errorf("open the bucket %s: %w", o.Bucket, err)
	}
	load := []func(*config.LoadOptions) error{config.WithRegion(o.Region), config.WithHTTPClient(client)}
	switch {
	case o.KeyID != "":
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.KeyID, o.Secret, o.Session)))
	case o.Profile != "":
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	conf, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("open the bucket %s: %w", o.Bucket, err)
	}
	if o.Role != "" {
		conf.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(conf), o.Role, func(a *stscreds.AssumeRoleOptions) {
			a.RoleSessionName = "trunkline-export"
			if o.ExternalID != "" {
				a.ExternalID = &o.ExternalID
			}
		}))
	}
	return &S3{o: o, client: s3.NewFromConfig(conf, func(s *s3.Options) {
		s.UsePathStyle = o.PathStyle
		if o.Endpoint != "" {
			s.BaseEndpoint = &o.Endpoint
			// Other stores than AWS refuse the trailing checksums that the SDK sends by itself.
			s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})}, nil
}

func httpClient(ca []byte) (*awshttp.BuildableClient, error) {
	c := awshttp.NewBuildableClient()
	if len(ca) == 0 {
		return c, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the authorities of the endpoint cannot be read: they are certificates, PEM")
	}
	return c.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} }), nil
}

func (s *S3) key(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", fmt.Errorf("%w: %q", err, key)
	}
	return s.o.Prefix + key, nil
}

// status is the HTTP status of an error, 0 when there was no answer.
func status(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// Stat is part of [Store].
func (s *S3) Stat(ctx context.Context, key string) (Object, error) {
	full, err := s.key(key)
	if err != nil {
		return Object{}, err
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.o.Bucket, Key: &full})
	if status(err) == http.StatusNotFound {
		return Object{}, fmt.Errorf("%s: %w", key, ErrAbsent)
	}
	if status(err) == http.StatusForbidden { // of which the answer tells no more
		return Object{}, fmt.Errorf("ask for %s: the key is wrong, or may not read and list the bucket (s3:GetObject, s3:ListBucket): %w", key, err)
	}
	if err != nil {
		return Object{}, fmt.Errorf("ask for %s: %w", key, err)
	}
	o := Object{Key: key, Size: aws.ToInt64(out.ContentLength), Tag: aws.ToString(out.ETag)}
	for k, v := range out.Metadata {
		if strings.EqualFold(k, hashName) {
			o.SHA256 = v
		}
	}
	return o, nil
}

// Open is part of [Store].
func (s *S3) Open(ctx context.Context, key string, from int64) (io.ReadCloser, error) {
	full, err := s.key(key)
	if err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &s.o.Bucket, Key: &full}
	if from > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", from))
	}
	out, err := s.client.GetObject(ctx, in)
	switch code := status(err); {
	case code == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", key, ErrAbsent)
	case code == http.StatusRequestedRangeNotSatisfiable:
		return http.NoBody, nil // from its end on there is nothing
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return out.Body, nil
}

// List is part of [Store].
func (s *S3) List(ctx context.Context, prefix string, each func(Object) error) error {
	full := s.o.Prefix + prefix
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.o.Bucket, Prefix: &full})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, o := range page.Contents {
			if err := each(Object{Key: strings.TrimPrefix(aws.ToString(o.Key), s.o.Prefix), Size: aws.ToInt64(o.Size), Tag: aws.ToString(o.ETag)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Folders is part of [Store].
func (s *S3) Folders(ctx context.Context, folder string) ([]string, error) {
	full := s.o.Prefix + folder
	var names []string
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.o.Bucket, Prefix: &full, Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", folder, err)
		}
		for _, p := range page.CommonPrefixes {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), full), "/"))
		}
	}
	return names, nil
}

// Remove is part of [Store].
func (s *S3) Remove(ctx context.Context, key string) error {
	full, err := s.key(key)
	if err != nil {
		return err
	}
	_, err = s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.o.Bucket, Key: &full})
	if err != nil && status(err) != http.StatusNotFound {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	return nil
}

// Presign is part of [Presigner].
func (s *S3) Presign(ctx context.Context, key string, valid time.Duration) (string, error) {
	full, err := s.key(key)
	if err != nil {
		return "", err
	}
	out, err := s3.NewPresignClient(s.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.o.Bucket, Key: &full}, s3.WithPresignExpires(valid))
	if err != nil {
		return "", fmt.Errorf("make a link to %s: %w", key, err)
	}
	return out.URL, nil
}

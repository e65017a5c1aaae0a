// A fresh certificate in PEM files that vanish with it, for tests of TLS: it signs itself, so who trusts its
// file trusts it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace popnet::tls {

class TestCertificate {
 public:
  /// `name`: of the subject, and the one it is for; `others`: what else it is for, as OpenSSL writes it
  /// ("DNS:b.test,IP:127.0.0.1").
  explicit TestCertificate(const std::string& name = "dns.test", const std::string& others = "") {
    std::string folder = (std::filesystem::temp_directory_path() / "popnet-certificate-XXXXXX").string();
    folder_ = mkdtemp(folder.data());
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509* x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    const std::string names = "DNS:" + name + (others.empty() ? "" : "," + others);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(x, key.get(), EVP_sha256());
    write(certificate_path(), [&](FILE* file) { PEM_write_X509(file, x); });
    write(key_path(),
          [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  ~TestCertificate() { std::filesystem::remove_all(folder_); }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  [[nodiscard]] std::string certificate_path() const { return folder_ / "certificate.pem"; }
  [[nodiscard]] std::string key_path() const { return folder_ / "key.pem"; }

 private:
  template <class Write>
  static void write(const std::string& path, Write body) {
    FILE* file = std::fopen(path.c_str(), "w");
    body(file);
    std::fclose(file);
  }
  std::filesystem::path folder_;
};

}  // namespace popnet::tls
